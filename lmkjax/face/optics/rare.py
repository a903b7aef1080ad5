"""What few faces have, worked out for those alone."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

T = TypeVar("T")

ROOM = 8
"""Of so many faces drawn at the same time, one has room in a round."""


def when(there: jax.Array, change: Callable[..., T], state: T, *given: Any) -> T:
    """`change(state, *given)` if that is there, else the same state.

    For one face it is a branch. Under `vmap`, which would make a select of a branch
    and work everything out for every face, the faces that have it are taken out and
    worked on in rounds of a fixed share of all: none of them is left out, however many
    there are, and no round is made for nobody.

    Args:
        there: a truth for each face.
        change: a function of arrays that makes of a state one of the same shapes. It
            must not reach for arrays outside that differ from face to face.
        state: arrays.
        given: more arrays.
    """

    @jax.custom_batching.custom_vmap
    def one(there: jax.Array, state: T, given: Any) -> T:
        return jax.lax.cond(there, change, lambda same, *_: same, state, *given)

    @one.def_vmap
    def many(size: int, batched: Any, there: jax.Array, state: T, given: Any) -> Any:
        def spread(x: jax.Array, has_faces: bool) -> jax.Array:
            return x if has_faces else jnp.broadcast_to(x, (size, *x.shape))

        there, state = jax.tree.map(spread, (there, state), tuple(batched[:2]))
        axes = jax.tree.map(lambda has_faces: 0 if has_faces else None, batched[2])
        changed = jax.vmap(change, in_axes=(0, *axes))
        room = max(size // ROOM, 1)
        count = there.sum()
        order = jnp.argsort(~there, stable=True)
        order = jnp.where(jnp.arange(size) < count, order, size)  # else: nobody
        order = jnp.pad(order, (0, -size % room), constant_values=size)

        def go_on(turn: Any) -> Any:
            first, state = turn
            who = jax.lax.dynamic_slice_in_dim(order, first, room)

            def take(x: jax.Array, has_faces: bool = True) -> jax.Array:
                return x.at[who].get(mode="clip") if has_faces else x

            own = jax.tree.map(take, given, batched[2])
            new = changed(jax.tree.map(take, state), *own)
            put = jax.tree.map(lambda x, n: x.at[who].set(n, mode="drop"), state, new)
            return first + room, put

        def left(turn: Any) -> jax.Array:
            return turn[0] < count

        state = jax.lax.while_loop(left, go_on, (jnp.zeros_like(count), state))[1]
        return state, jax.tree.map(lambda _: True, state)

    return one(there, state, given)
