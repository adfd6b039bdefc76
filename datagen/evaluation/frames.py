"""From scores of frames to those of clips: whole clips only, by a rule that is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagen.core.text import counted
from datagen.errors import ScoresError, UserError
from datagen.evaluation.rows import FRAMES, what_in
from datagen.release.pooling import POOLINGS, Pooling, pool
from datagen.release.scores import OK, Scores, first_ids

__all__ = ["refuse_idle_pooling", "scores_of_clips"]

Integers = npt.NDArray[np.int64]


def refuse_idle_pooling(pooling: Pooling | None, scores: Sequence[Scores]) -> None:
    """Refuse a rule where there are no scores of frames that it could apply to.

    Args:
        pooling: The rule that was asked for.
        scores: The scores of one or more detectors.

    Raises:
        UserError: There are none.
    """
    if pooling is not None and all(one.frame is None for one in scores):
        raise UserError(
            f"--pooling {pooling} (in Python pooling=): {scores[0].where} has no column frame: its "
            "scores are of whole images or clips already. Leave the option out",
            key="pooling",
        )


def scores_of_clips(
    manifest: Any,
    split: str | Sequence[str],
    scores: Scores,
    pooling: Pooling | None,
    logits: bool,
) -> Scores:
    """Return one score per clip; scores that are not of frames are returned as they are.

    A clip of which a frame has no score has none, with the status of its first such frame.

    Args:
        manifest: Rows with ``frames`` where the release holds clips.
        split: The split or splits whose clips must be complete; the others are not looked at.
        scores: The scores of one detector.
        pooling: How a clip's score comes from those of its frames.
        logits: Whether the scores are logits.

    Raises:
        ScoresError: The release holds images, no rule is given, or a clip lacks frames or has
            others.
    """
    if scores.frame is None:
        return scores
    if what_in(manifest) == "image":
        raise ScoresError(
            f"{scores.where}: column frame: the scores are of frames, and the release holds "
            "images, which have none: remove the column, or name the release of clips that was "
            "scored",
            path=scores.where,
            key="frame",
        )
    if pooling is None:
        raise ScoresError(
            f"{scores.where}: column frame: the scores are of frames. Say how those of a clip "
            f"become its score: --pooling (in Python pooling=) {POOLINGS}",
            path=scores.where,
            key="pooling",
        )
    encoded = scores.ids.dictionary_encode()
    clip = np.asarray(encoded.indices.to_numpy(), np.int64)
    ids = encoded.dictionary
    _check_complete(manifest, split, scores, (ids, clip))
    digest = None if scores.digest is None else _one_digest(scores, (ids, clip))
    failed = np.asarray(pc.not_equal(scores.status, OK).to_numpy(zero_copy_only=False), np.bool_)
    first = _first_rows(scores.frame, clip, failed)
    whole = np.bincount(clip, failed) == 0
    raw, probability = (np.full(len(ids), np.nan) for _ in range(2))
    if whole.any():
        own = whole[clip]
        number = np.cumsum(whole) - 1
        raw[whole] = pool(scores.raw[own], number[clip[own]], pooling, logits)
        probability[whole] = _logistic(raw[whole]) if logits else raw[whole]
    return replace(
        scores,
        ids=ids,
        raw=raw,
        probability=probability,
        status=scores.status.take(pa.array(first)),
        digest=digest,
        frame=None,
    )


def _check_complete(
    manifest: Any, split: str | Sequence[str], scores: Scores, clips: tuple[Any, Integers]
) -> None:
    """Compare the frames of each clip with their number in the manifest."""
    ids, clip = clips
    splits = [split] if isinstance(split, str) else list(split)
    wanted = manifest.filter(pc.is_in(manifest.column("split"), value_set=pa.array(splits)))
    at = pc.index_in(ids, value_set=wanted.column(scores.key).combine_chunks())
    counts = wanted.column(FRAMES).take(at)
    expected = np.asarray(pc.fill_null(counts, -1).to_numpy(), np.int64)
    assert scores.frame is not None
    known = expected >= 0  # ids of other splits and unknown ones: join tells of the latter
    beyond = known[clip] & (scores.frame >= expected[clip])
    if beyond.any():
        row = int(np.argmax(beyond))
        name = ids[int(clip[row])].as_py()
        raise ScoresError(
            f"{scores.where}: {name}: frame {scores.frame[row]} is scored, and the clip has "
            f"{expected[clip[row]]}, counted from 0",
            path=scores.where,
            key="frame",
            row=name,
        )
    found = np.bincount(clip, minlength=len(ids))
    lacking = known & (found < expected)
    if lacking.any():
        place = int(np.argmax(lacking))
        there = set(scores.frame[clip == place].tolist())
        missing = [one for one in range(int(expected[place])) if one not in there]
        raise ScoresError(
            f"{scores.where}: {counted(int(lacking.sum()), 'clip')} "
            f"{'lacks' if lacking.sum() == 1 else 'lack'} frames: "
            f"{first_ids(ids.filter(pa.array(lacking)))}. The first has {found[place]} of "
            f"{expected[place]}, and not {first_ids(pa.array(missing))}: score every frame of a "
            "clip; one that failed needs a row with a status and no score",
            path=scores.where,
            key="frame",
            row=ids[place].as_py(),
        )


def _one_digest(scores: Scores, clips: tuple[Any, Integers]) -> Any:
    """Return the digest that the rows of each clip give, which must be one."""
    ids, clip = clips
    rows = pa.table({"clip": clip, "digest": pc.fill_null(scores.digest, "")})
    groups = rows.group_by("clip", use_threads=False).aggregate(
        [("digest", "min"), ("digest", "max")]
    )
    groups = groups.sort_by("clip")
    mixed = pc.not_equal(groups.column("digest_min"), groups.column("digest_max"))
    if pc.any(mixed).as_py():
        names = ids.filter(mixed.combine_chunks())
        raise ScoresError(
            f"{scores.where}: {counted(len(names), 'clip')} with several sha256 in their rows: "
            f"{first_ids(names)}. Each row of a clip has that of the clip",
            path=scores.where,
            key="sha256",
        )
    return groups.column("digest_min").combine_chunks()


def _first_rows(frame: Integers, clip: Integers, failed: npt.NDArray[np.bool_]) -> Integers:
    """Return for each clip the row of its first frame without a score, else of its first frame."""
    order = np.lexsort((frame, ~failed, clip))
    return order[np.searchsorted(clip[order], np.arange(int(clip.max()) + 1))]


def _logistic(raw: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    from scipy.special import expit

    return np.asarray(expit(raw), np.float64)
