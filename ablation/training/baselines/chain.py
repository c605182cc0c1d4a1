"""Chains NULL, emotion, NULL, as which an utterance's frames are labelled (Lee and Tashev 2015).

An utterance of n segments has 2n + 1 states: NULL, emotion, NULL, emotion, ..., NULL. It begins in
the first and ends in the last; from one frame to the next it stays in a state or goes on to the
next one. A segment's emotion, and the NULL on either side of it, are allowed in that segment's
frames alone; the NULL between two segments belongs to both.
"""

from collections.abc import Sequence

import torch

_NEVER = -1e30  # a log-probability; unlike -inf it has gradients that are numbers


def chain_loss(
    log_posteriors: torch.Tensor,
    labels: torch.Tensor,
    ends: Sequence[Sequence[int]],
) -> torch.Tensor:
    """Return -ln of the probability of all label sequences that are allowed, shape (utterances,).

    Its gradient with respect to ``log_posteriors`` is minus the posterior probability that a frame
    has a label: the weights of the E step of the forward-backward algorithm.

    Parameters
    ----------
    log_posteriors
        Shape (utterances, frames, emotions + 1); the last label is NULL.
    labels
        The emotion of each utterance, shape (utterances,).
    ends
        Of each utterance, the frame after the last of each segment. The last of them is its number
        of frames: those that follow are padding and do not count. A segment has at least three.
    """
    allowed = allowed_states(ends, log_posteriors.shape[1]).to(log_posteriors.device)
    scores = log_posteriors.double()
    emotion = scores.gather(2, labels[:, None, None].expand(-1, scores.shape[1], 1))
    # (utterances, frames, states): NULL and the emotion in turn.
    states = torch.arange(allowed.shape[2], device=allowed.device) % 2 == 1
    emitted = torch.where(states, emotion, scores[:, :, -1:]).where(allowed, _NEVER)
    lengths = [steps[-1] for steps in ends]
    final = torch.tensor([2 * len(steps) for steps in ends], device=allowed.device)
    forward = torch.where(
        torch.arange(len(states), device=allowed.device) == 0, emitted[:, 0], _NEVER
    )
    going = torch.tensor(lengths, device=allowed.device)
    for frame in range(1, max(lengths)):
        came = torch.nn.functional.pad(forward[:, :-1], (1, 0), value=_NEVER)
        step = torch.logaddexp(forward, came) + emitted[:, frame]
        forward = torch.where((frame < going)[:, None], step, forward)
    return -forward.gather(1, final[:, None])[:, 0]


def allowed_states(ends: Sequence[Sequence[int]], frames: int) -> torch.Tensor:
    """Return which states each frame may be in, shape (utterances, frames, states), bool."""
    states = 2 * max(len(steps) for steps in ends) + 1
    allowed = torch.zeros(len(ends), frames, states, dtype=torch.bool)
    for number, steps in enumerate(ends):
        start = 0
        for segment, end in enumerate(steps):
            allowed[number, start:end, 2 * segment : 2 * segment + 3] = True
            start = end
    return allowed
