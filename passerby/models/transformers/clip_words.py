"""Words as CLIP's text side reads them: the numbers of its vocabulary's pieces.

The pieces of CLIP-ReID's own sentence are written down here, and a test holds them against CLIP's
vocabulary. Other sentences are cut by open_clip, which brings that vocabulary.
"""

from __future__ import annotations

SENTENCE = "A photo of a X X X X person."
"""CLIP-ReID's (Li et al. 2023); the X are learnt, for each person."""

UNKNOWN = 343  # the piece of an X
_PIECES = (49406, 320, 1125, 539, 320, 343, 343, 343, 343, 2533, 269, 49407)


def pieces_of(sentence: str) -> tuple[int, ...]:
    """The numbers of a sentence's pieces, with those that begin and end it.

    Raises ValueError for another sentence than `SENTENCE` where open_clip is not installed, and for
    one of more than 77 pieces.
    """
    if sentence == SENTENCE:
        return _PIECES
    try:
        import open_clip
    except ImportError:
        raise ValueError(
            f"only the sentence {SENTENCE!r} is known without CLIP's vocabulary, which open_clip "
            "brings: pip install open_clip_torch"
        ) from None
    tokenizer = open_clip.SimpleTokenizer()
    pieces = [tokenizer.sot_token_id, *tokenizer.encode(sentence), tokenizer.eot_token_id]
    if len(pieces) > tokenizer.context_length:
        raise ValueError(
            f"CLIP reads {tokenizer.context_length} pieces of words at most, and the sentence "
            f"{sentence!r} has {len(pieces)}"
        )
    return tuple(pieces)


def unknown_run(pieces: tuple[int, ...]) -> tuple[int, int]:
    """Where the X stand: the first and the one behind the last.

    Raises ValueError where there are none, or words between them.
    """
    places = [place for place, piece in enumerate(pieces) if piece == UNKNOWN]
    if not places or places != list(range(places[0], places[-1] + 1)):
        raise ValueError(
            f"a sentence needs words to learn, written X and next to each other, as in {SENTENCE!r}"
        )
    return places[0], places[-1] + 1
