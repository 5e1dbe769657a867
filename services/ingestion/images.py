"""Images drawn anew: from the pixels alone, so that nothing of the file they came in is left.

Only for a parser process, which may be killed: decoders are led astray, and a small file may hold a large picture.
"""

from io import BytesIO

from PIL import ExifTags, Image

THUMBNAIL_SIDE = 320
SHOWN_SIDE = 2000
MAX_PIXELS = 25_000_000
MAX_BYTES = 8 * 1024 * 1024
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
_ALPHA = {"RGBA", "LA", "PA", "La", "RGBa"}
# How to hold a picture whose camera was held otherwise (Exif 2.32, tag 274).
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# We count ourselves, and refuse: the library would warn.
Image.MAX_IMAGE_PIXELS = None


class ImageRejected(ValueError):
    """It cannot be drawn. `reason` is a stable word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def drawn(raw: bytes, *, side: int) -> tuple[str, bytes]:
    """An image at most `side` pixels wide and high: its content type and its bytes. Of several frames the first.

    PNG where there is transparency, or where it was no photo and is to be shown as it is; else JPEG. Raises
    ImageRejected.
    """
    try:
        source = Image.open(BytesIO(raw), formats=_FORMATS)
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageRejected("not_an_image") from error
    with source:
        is_photo = source.format in {"JPEG", "MPO"}
        # Photos are decoded at a fraction of their size where that is enough.
        source.draft("RGB", (side, side))
        if source.width * source.height > MAX_PIXELS:
            raise ImageRejected("too_many_pixels")
        turn = _TURNS.get(source.getexif().get(ExifTags.Base.Orientation, 1))
        is_clear = source.mode in _ALPHA or "transparency" in source.info
        picture = source.convert("RGBA" if is_clear else "RGB")
    picture.thumbnail((side, side))
    if turn is not None:
        picture = picture.transpose(turn)
    plain = Image.new(picture.mode, picture.size)
    plain.paste(picture)
    return _encoded(plain, as_photo=not is_clear and (is_photo or side <= THUMBNAIL_SIDE))


def _encoded(picture: Image.Image, *, as_photo: bool) -> tuple[str, bytes]:
    out = BytesIO()
    if not as_photo:
        picture.save(out, "PNG")
        if out.tell() <= MAX_BYTES:
            return "image/png", out.getvalue()
        out = BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=85)
    return "image/jpeg", out.getvalue()
