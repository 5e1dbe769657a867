"""Images that tests send."""

from io import BytesIO

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base


def png(width: int = 8, height: int = 4, mode: str = "RGB") -> bytes:
    """A PNG of one colour."""
    return _saved(Image.new(mode, (width, height)), "PNG")


def photo() -> bytes:
    """A JPEG, 64 by 32 pixels, that says where it was taken, by whom, and that the camera was held upright."""
    exif = Image.Exif()
    exif[Base.Orientation] = 6
    exif[Base.Artist] = "Ada-was-here"
    exif.get_ifd(IFD.GPSInfo)[GPS.GPSLatitude] = (52.0, 31.0, 12.0)
    out = BytesIO()
    Image.new("RGB", (64, 32), "red").save(out, "JPEG", exif=exif, comment=b"Ada-was-here")
    return out.getvalue()


def _saved(image: Image.Image, format_: str) -> bytes:
    out = BytesIO()
    image.save(out, format_)
    return out.getvalue()
