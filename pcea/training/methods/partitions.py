"""Partitions of the training set in which a classifier is wrong in different ways."""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

PASSES = 100
# Of the authors' code.
RATE, MOMENTUM = 0.1, 0.9
DECAY = 1e-3


def fit_classifier(features: Tensor, target: Tensor, classes: int) -> nn.Linear:
    """Fit a linear classifier to features (R, D) and targets (R,), with a small weight decay."""
    classifier = nn.Linear(features.shape[1], classes).to(features)
    with torch.no_grad():
        for parameter in classifier.parameters():
            parameter.zero_()
    optimizer = torch.optim.LBFGS(
        classifier.parameters(), max_iter=PASSES, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        decay = DECAY / 2 * classifier.weight.square().sum()
        value = F.cross_entropy(classifier(features), target) + decay
        value.backward()
        return value

    with torch.enable_grad():
        optimizer.step(loss)
    return classifier


def scale_gradient(logits: Tensor, target: Tensor) -> Tensor:
    """Differentiate the cross-entropy of s · logits by s, at s = 1.

    It is Σ_k p_k z_k − z_y for logits z of probabilities p and a target y: above 0 where the
    classifier is too sure, below 0 where it is not sure enough.

    Args:
        logits: (…, K).
        target: (…) class ids.
    """
    mean = (logits.softmax(-1) * logits).sum(-1)
    return mean - logits.gather(-1, target.unsqueeze(-1)).squeeze(-1)


def invariance_penalty(gradient: Tensor, membership: Tensor) -> Tensor:
    """Compute how far a classifier is from being the best one in each partition, ().

    It is the penalty of IRMv1 in each of T partitions, (∂R_t/∂s)² for the mean risk R_t of
    s · logits, averaged over the samples. A mean over the partitions would be highest if one of
    them had a single sample.

    Args:
        gradient: (M,) :func:`scale_gradient` of each sample.
        membership: (M, T) the shares of each sample in the partitions, which sum to 1.

    Source:
        Arjovsky et al., Invariant Risk Minimization, arXiv 1907.02893, section 3.1.
    """
    count = membership.sum(0)  # (T,)
    mean = (gradient @ membership) / count.clamp(min=1e-12)
    return (count * mean.square()).sum() / len(gradient)


def find_partitions(gradient: Tensor, number: int, generator: Generator) -> Tensor:
    """Find the partition of each sample, (M,) int64, that maximizes :func:`invariance_penalty`.

    Each sample has a logit for each of the ``number`` partitions. In each of 100 passes, shares are
    drawn by the Gumbel-softmax of these logits, and SGD follows the gradient of the penalty. The
    best assignment of all passes is returned. ``gradient`` is (M,), on the CPU.

    Source:
        Wang et al., Causal Attention for Unbiased Visual Recognition, arXiv 2108.08782, section 3;
        Jang et al., Categorical Reparameterization with Gumbel-Softmax, arXiv 1611.01144.
    """
    shape = len(gradient), number
    gradient = gradient.detach().double()
    gradient = gradient / gradient.std(correction=0).clamp(min=1e-12)
    logits = 0.01 * torch.randn(shape, generator=generator, dtype=torch.float64)
    optimizer = torch.optim.SGD(
        [logits.requires_grad_()], lr=RATE, momentum=MOMENTUM, maximize=True
    )
    best, found = -1.0, torch.zeros(len(gradient), dtype=torch.long)
    for _ in range(PASSES):
        uniform = torch.rand(shape, generator=generator, dtype=torch.float64)
        noise = -(-uniform.clamp(min=1e-12).log()).log()
        shares = (logits + noise).softmax(1)
        optimizer.zero_grad()
        # The sum over the samples: then the rate fits any number of them.
        (len(gradient) * invariance_penalty(gradient, shares)).backward()
        optimizer.step()
        chosen = logits.detach().argmax(1)
        penalty = float(invariance_penalty(gradient, F.one_hot(chosen, number).double()))
        if penalty > best:
            best, found = penalty, chosen
    return found
