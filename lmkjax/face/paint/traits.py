"""What is one person's own: the colours of the skin, and how the hair is worn."""

from flax import struct
from jaxtyping import Array, Float


@struct.dataclass
class Mottle:
    """How uneven skin is.

    Attributes:
        redness: strength of blotches of blood.
        pigment: strength of blotches of melanin.
        freckles: strength of freckles.
        texture: strength of the fine texture.
    """

    redness: Float[Array, "*b"]
    pigment: Float[Array, "*b"]
    freckles: Float[Array, "*b"]
    texture: Float[Array, "*b"]


@struct.dataclass
class Moles:
    """A few moles; m is their number.

    Attributes:
        place: x and y on the mean head, cm.
        radius_cm: of each; 0 = none.
    """

    place: Float[Array, "*b m 2"]
    radius_cm: Float[Array, "*b m"]


@struct.dataclass
class Lips:
    """How lips differ from the skin around them.

    Attributes:
        blood: more of it.
        dark: more melanin.
        edge_cm: how far inside the chart's line they begin.
    """

    blood: Float[Array, "*b"]
    dark: Float[Array, "*b"]
    edge_cm: Float[Array, "*b"]


@struct.dataclass
class MakeUp:
    """A colour that is put on.

    Attributes:
        colour: linear RGB.
        cover: 0 = none, 1 = nothing is seen through it.
    """

    colour: Float[Array, "*b 3"]
    cover: Float[Array, "*b"]


@struct.dataclass
class Liner:
    """The dark lines of the lashes.

    Attributes:
        upper: darkness above the eye, and length of the lashes.
        lower: darkness below it.
    """

    upper: Float[Array, "*b"]
    lower: Float[Array, "*b"]


@struct.dataclass
class Brow:
    """Both brows.

    Attributes:
        colour: linear RGB.
        cover: by their hair.
        thickness: factor.
        lift_cm: above their usual place.
    """

    colour: Float[Array, "*b 3"]
    cover: Float[Array, "*b"]
    thickness: Float[Array, "*b"]
    lift_cm: Float[Array, "*b"]


@struct.dataclass
class Beard:
    """Beard and moustache.

    Attributes:
        chin: cover of chin and cheeks.
        moustache: cover of the upper lip.
        contrast: between strands.
        stubble: 0 = dense hair, 1 = stubble.
    """

    chin: Float[Array, "*b"]
    moustache: Float[Array, "*b"]
    contrast: Float[Array, "*b"]
    stubble: Float[Array, "*b"]


@struct.dataclass
class Eye:
    """Both eyeballs, but for the iris's colour.

    Attributes:
        pupil_cm: its radius.
        redness: of the white.
        white: its brightness.
    """

    pupil_cm: Float[Array, "*b"]
    redness: Float[Array, "*b"]
    white: Float[Array, "*b"]


@struct.dataclass
class Mask:
    """A face mask.

    Attributes:
        worn: 0 or 1.
        edge_cm: height of its upper edge on the mean head.
        colour: linear RGB.
    """

    worn: Float[Array, "*b"]
    edge_cm: Float[Array, "*b"]
    colour: Float[Array, "*b 3"]


@struct.dataclass
class Skin:
    """How one person is coloured; colours are linear RGB, amounts mostly 0 to 1.

    Attributes:
        melanin: depth of the pigment, about 0.05 (palest) to 2.4.
        blood: depth of the blood under it, about 0.1 to 0.6.
        tint: a colour that all skin is multiplied with, near 1.
        mottle: how uneven it is.
        moles: a few.
        age: depth of wrinkles and folds.
        oil: strength of highlights.
        lips: how they differ.
        lipstick: on them.
        shadow: around the eyes.
        liner: along the lids.
        brow: both.
        beard: and moustache.
        beard_colour: of both.
        iris: colour.
        eye: the rest of it.
        mask: over mouth and nose.
        offset: where in the noise this face lies.
    """

    melanin: Float[Array, "*b"]
    blood: Float[Array, "*b"]
    tint: Float[Array, "*b 3"]
    mottle: Mottle
    moles: Moles
    age: Float[Array, "*b"]
    oil: Float[Array, "*b"]
    lips: Lips
    lipstick: MakeUp
    shadow: MakeUp
    liner: Liner
    brow: Brow
    beard: Beard
    beard_colour: Float[Array, "*b 3"]
    iris: Float[Array, "*b 3"]
    eye: Eye
    mask: Mask
    offset: Float[Array, "*b 2"]


@struct.dataclass
class Volume:
    """How thick hair lies on the head.

    Attributes:
        top_cm: on top.
        sides_cm: at the sides.
        lumps_cm: of lumps.
    """

    top_cm: Float[Array, "*b"]
    sides_cm: Float[Array, "*b"]
    lumps_cm: Float[Array, "*b"]


@struct.dataclass
class Hairline:
    """Where hair begins, against the usual line.

    Attributes:
        lift_cm: up, in front.
        recede_cm: up, at the temples.
        fringe_cm: down, over the forehead.
        slant: of the fringe, share of its length per radian.
        sideburns_cm: down, before the ears.
        nape_cm: up, at the back.
    """

    lift_cm: Float[Array, "*b"]
    recede_cm: Float[Array, "*b"]
    fringe_cm: Float[Array, "*b"]
    slant: Float[Array, "*b"]
    sideburns_cm: Float[Array, "*b"]
    nape_cm: Float[Array, "*b"]


@struct.dataclass
class Curtain:
    """Hair that hangs.

    Attributes:
        length_cm: below the ears; 0 = none hangs.
        opens_rad: where it opens, from the front.
        flare: how far its ends stand off.
        waves: how far it sways.
    """

    length_cm: Float[Array, "*b"]
    opens_rad: Float[Array, "*b"]
    flare: Float[Array, "*b"]
    waves: Float[Array, "*b"]


@struct.dataclass
class Strand:
    """What hair is made of.

    Attributes:
        ragged: raggedness of edges.
        contrast: between strands.
        curl: 0 straight, 1 curly.
    """

    ragged: Float[Array, "*b"]
    contrast: Float[Array, "*b"]
    curl: Float[Array, "*b"]


@struct.dataclass
class Hair:
    """How one person wears the hair.

    Attributes:
        cover: 1 = hair, 0 = bald; between, how dense.
        volume: its thickness.
        line: where it begins.
        curtain: what hangs.
        strand: what it is made of.
        colour: linear RGB.
        gloss: strength of the highlight.
        cloth: 1 = a scarf or hood instead of hair.
        offset: where in the noise this head lies.
    """

    cover: Float[Array, "*b"]
    volume: Volume
    line: Hairline
    curtain: Curtain
    strand: Strand
    colour: Float[Array, "*b 3"]
    gloss: Float[Array, "*b"]
    cloth: Float[Array, "*b"]
    offset: Float[Array, "*b 2"]
