"""What the networks are built of: normalisation, residual block, halving, doubling.

Written for a CPU as well: a 1 x 1 convolution is a `Dense`, max-pooling a reshape and
comparisons, nearest up-sampling a broadcast; XLA turns each into far faster code
than the operation of that name, above all backwards. Where one form is not the
fastest everywhere, there are several, see `by_platform`.
"""

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from lmkjax.types import typed

_plain = contextvars.ContextVar("plain", default=False)


@contextlib.contextmanager
def plainly() -> Iterator[None]:
    """Has what is traced within take every default form, and choose nothing later.

    For a program that leaves JAX: other systems know no choice by platform. What was
    traced before keeps its choices; trace a new function.
    """
    token = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(token)


def by_platform(default: Callable, **others: Callable) -> Callable:
    """A function written in several ways, each for where it is the fastest.

    Chosen by what the program is compiled for, be it from another machine; forwards
    and backwards alike.

    Args:
        default: the function, of arrays to one array.
        **others: the same function by the name of a platform: cpu, cuda, rocm, tpu.
    """
    forms = {"default": default, **others}
    # Each form's own gradient: a choice that is taken apart for its gradient would
    # keep what either form needs. Jitted, so that one of a shape is traced but once.
    back = {name: jax.jit(_gradient_of(form)) for name, form in forms.items()}

    @jax.custom_vjp
    def chosen(*args):
        if _plain.get():
            return default(*args)
        return jax.lax.platform_dependent(*args, **forms)

    def backward(args, grad):
        return jax.lax.platform_dependent(grad, *args, **back)

    chosen.defvjp(lambda *args: (chosen(*args), args), backward)
    return chosen


def _gradient_of(form):
    return lambda grad, *args: jax.vjp(form, *args)[1](grad)


def _over_cells(x, kernel):
    """A product for each cell, all cells in a row.

    Over several axes at once the CPU's compiler lays what comes back out anew for the
    kernel's gradient, and works it out anew as it does: half of a step's time.
    """
    flat = x.reshape(-1, x.shape[-1]) @ kernel
    return flat.reshape(*x.shape[:-1], kernel.shape[-1])


# Not so on a TPU: there the row costs a tenth of a residual block.
_product = by_platform(jnp.matmul, cpu=_over_cells)


class Dense(nn.Dense):
    """A linear map of each cell's channels: a 1 x 1 convolution."""

    dot_general: Callable = lambda x, kernel, *_, **__: _product(x, kernel)


class Apart(nn.Module):
    """A convolution and, apart from it, what it adds to each channel.

    For a norm that comes after it (`Norm`), which adds it without going through the
    cells again. Parameters are those of `nn.Dense` or `nn.Conv`.

    Attributes:
        features: channels that come out.
        window: side of the window.
        dtype: the type computed in; parameters stay float32.
    """

    features: int
    window: int = 1
    dtype: DTypeLike = jnp.float32

    @nn.compact
    @typed
    def __call__(
        self, x: Float[Array, "b h w c"]
    ) -> tuple[Float[Array, "b h w d"], Float[Array, " d"]]:
        """What comes out, and what is still to be added to it."""
        sides = () if self.window == 1 else (self.window, self.window)
        shape = (*sides, x.shape[-1], self.features)
        start = nn.initializers.lecun_normal()
        kernel = self.param("kernel", start, shape, jnp.float32).astype(self.dtype)
        bias = self.param("bias", nn.initializers.zeros, shape[-1:], jnp.float32)
        if not sides:
            return _product(x.astype(self.dtype), kernel), bias
        found = jax.lax.conv_general_dilated(
            x.astype(self.dtype),
            kernel,
            window_strides=(1, 1),
            padding="SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
        return found, bias


class Norm(nn.Module):
    """Group norm: mean 0 and deviation 1 in each face and group, then learned again.

    A face is normalised by itself: two domains in a batch, or eight devices that
    share it, change nothing.

    Attributes:
        groups: how many groups the channels fall into, at most; the most that
            divides the number of channels is taken.
        dtype: the type computed in; the statistics are float32.

    Source: Wu and He, "Group Normalization", ECCV 2018.
    """

    groups: int = 8
    dtype: DTypeLike = jnp.float32

    @nn.compact
    @typed
    def __call__(
        self, x: Float[Array, "b h w c"], bias: Float[Array, " c"] | None = None
    ) -> Float[Array, "b h w c"]:
        """The input, with what is to be added to its channels, normalised."""
        b, h, w, c = x.shape
        scale = self.param("scale", nn.initializers.ones, (c,), jnp.float32)
        offset = self.param("offset", nn.initializers.zeros, (c,), jnp.float32)
        groups = next(n for n in range(min(self.groups, c), 0, -1) if c % n == 0)
        bias = jnp.zeros(c) if bias is None else bias
        rows = (bias[None], scale[None], offset[None])
        return _normalise(x.astype(self.dtype), *rows, groups)


@functools.partial(jax.custom_vjp, nondiff_argnums=(4,))
def _normalise(x, bias, scale, offset, groups):
    """Normalised by face and group, with a gradient that reads its two arrays twice.

    Sums over the cells of x alone tell those of x + bias, which is never written.
    """
    return _normalise_forward(x, bias, scale, offset, groups)[0]


@functools.partial(jax.jit, static_argnums=4)
def _normalise_forward(x, bias, scale, offset, groups):
    wide, cells = x.astype(jnp.float32), x.shape[1] * x.shape[2]
    sums = wide.sum((1, 2))
    squares = jnp.square(wide).sum((1, 2)) + bias * (2 * sums + cells * bias)
    centre = _mean(sums + cells * bias, x, groups)
    square = _mean(squares, x, groups)
    variance = jnp.maximum(square - jnp.square(centre), 0.0)
    sharp = jax.lax.rsqrt(variance + 1e-5)
    gain = sharp * scale
    shift = offset - (centre - bias) * gain
    y = x * _over_pixels(gain, x.dtype) + _over_pixels(shift, x.dtype)
    return y, (x, bias, sums, scale, centre, sharp)


@functools.partial(jax.jit, static_argnums=0)
def _normalise_backward(groups, kept, grad):
    x, bias, sums, scale, centre, sharp = kept
    wide, grad = x.astype(jnp.float32), grad.astype(jnp.float32)
    total, cells = grad.sum((1, 2)), x.shape[1] * x.shape[2]
    off = centre - bias  # of x from its group's mean
    along = ((grad * wide).sum((1, 2)) - off * total) * sharp  # of the normalised
    # Neither the mean nor the deviation of what comes out depends on x: its gradient
    # has no part along either.
    bend = _mean(along * scale, x, groups) * jnp.square(sharp)
    lift = off * bend - _mean(total * scale, x, groups) * sharp
    gain = sharp * scale
    at_bias = total * gain - sums * bend + cells * lift
    gain, bend, lift = map(_over_pixels, (gain, bend, lift))
    dx = (grad * gain - wide * bend + lift).astype(x.dtype)
    rows = (row.sum(0, keepdims=True) for row in (at_bias, along, total))
    return dx, *rows


_normalise.defvjp(_normalise_forward, _normalise_backward)


def _mean(sums, x, groups):
    """The mean over pixels and group of each channel; from sums over the pixels."""
    b, h, w, c = x.shape
    each = c // groups
    means = sums.reshape(b, groups, each).sum(-1) / (h * w * each)
    return jnp.repeat(means, each, axis=1)


def _over_pixels(value, dtype=jnp.float32):
    return value[:, None, None].astype(dtype)


class Residual(nn.Module):
    """Pre-activation bottleneck: 1 x 1, 3 x 3, 1 x 1, added to what came in.

    Attributes:
        features: channels that come out; half as many inside.
        dtype: the type computed in; parameters stay float32.

    Source: He et al., "Identity Mappings in Deep Residual Networks", ECCV 2016, as
        used by Newell et al. (ECCV 2016), with group norm for batch norm.
    """

    features: int
    dtype: DTypeLike = jnp.float32

    @typed
    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        """The input, looked at once; at `features` channels."""
        # One of a shape is traced but once; not where first weights would be others
        # so, nor where what was traced before has chosen its forms already.
        anew = self.is_initializing() or _plain.get()
        return (Residual._look if anew else _LOOK)(self, x)

    @nn.compact
    def _look(self, x):
        inside = max(self.features // 2, 1)
        y = nn.relu(Norm(dtype=self.dtype, name="norm_narrow")(x))
        y = Apart(inside, dtype=self.dtype, name="narrow")(y)
        y = nn.relu(Norm(dtype=self.dtype, name="norm_look")(*y))
        y = Apart(inside, window=3, dtype=self.dtype, name="look")(y)
        y = nn.relu(Norm(dtype=self.dtype, name="norm_widen")(*y))
        y = Dense(self.features, dtype=self.dtype, name="widen")(y)
        if x.shape[-1] != self.features:
            x = Dense(self.features, dtype=self.dtype, name="match")(x)
        return x + y


_LOOK = nn.jit(Residual._look)


@typed
def halve(x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 c"]:
    """The largest of each two by two cells.

    Raises:
        ValueError: a side is odd.
    """
    h, w = x.shape[1:3]
    if h % 2 or w % 2:
        raise ValueError(f"Need even sides to halve; got {h} x {w}.")
    return _halved(x)


def _larger(a, b):
    """The maximum, whose gradient asks which was larger, and not which equals it.

    The compiler may work `a` and `b` out again for the gradient, and differently in
    the last digit: then neither equals the maximum found before, and `jnp.max` and
    `jnp.maximum` lose or multiply the gradient.
    """
    return jnp.where(a >= b, a, b)


def _halved_in_blocks(x):
    b, h, w, c = x.shape
    x = x.reshape(b, h // 2, 2, w // 2, 2, c)
    x = _larger(x[:, :, 0], x[:, :, 1])
    return _larger(x[:, :, :, 0], x[:, :, :, 1])


def _halved_in_strides(x):
    x = _larger(x[:, 0::2], x[:, 1::2])
    return _larger(x[:, :, 0::2], x[:, :, 1::2])


def _doubled_by_copies(x):
    b, h, w, c = x.shape
    spread = jnp.broadcast_to(x[:, :, None, :, None], (b, h, 2, w, 2, c))
    return spread.reshape(b, 2 * h, 2 * w, c)


def _doubled_by_ones(x):
    return jax.lax.conv_general_dilated(
        x,
        jnp.ones((2, 2, 1, x.shape[-1]), x.dtype),
        window_strides=(1, 1),
        padding=((1, 1), (1, 1)),
        lhs_dilation=(2, 2),  # zeros between the cells
        feature_group_count=x.shape[-1],
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


# A TPU holds the last two axes in tiles: to split the third is to lay all out anew.
_halved = by_platform(_halved_in_blocks, tpu=_halved_in_strides)
_doubled = by_platform(_doubled_by_copies, tpu=_doubled_by_ones)


@typed
def double(x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 c"]:
    """Each cell four times: nearest up-sampling by two."""
    return _doubled(x)


@typed
def fold(x: Float[Array, "b h w c"]) -> Float[Array, "b h2 w2 d"]:
    """Two by two cells as one of four times the channels; nothing is lost.

    Raises:
        ValueError: a side is odd.
    """
    b, h, w, c = x.shape
    if h % 2 or w % 2:
        raise ValueError(f"Need even sides to fold; got {h} x {w}.")
    x = x.reshape(b, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h // 2, w // 2, 4 * c)
