"""Every field of an experiment, with its unit and its legal values.

An experiment's file calls `get_config(size)` and states only where it differs. The
exact range of each field stands in `lmkjax/experiment/ranges.py`, and a value outside
is refused before anything is made. Paths are of this machine; `~` is the home.
"""

import ml_collections

SIZES = ("tiny", "laptop", "full")


def get_config(size: str = "laptop") -> ml_collections.ConfigDict:
    """The defaults at a size: `tiny` (tests), `laptop` (CPU), `full` (accelerator)."""
    if size not in SIZES:
        raise ValueError(f"Unknown size '{size}'; known: {list(SIZES)}.")

    def by_size(tiny, laptop, full):
        return dict(zip(SIZES, (tiny, laptop, full), strict=True))[size]

    config = ml_collections.ConfigDict()
    config.size = size
    config.seed = 0  # of chance: weights, order, augmentation, which faces are drawn
    # The network's own scheme: ibug68, dense243, dense460, dense490, dense1001, or the
    # path of a YAML file of your own.
    config.scheme = by_size("dense243", "dense490", "dense490")

    config.data = data = ml_collections.ConfigDict()
    data.dir = "data"  # where prepared datasets are kept
    # Of what is there: rendered sets (the stand-in's is the next), faces held out.
    data.seed = 0
    data.ibug_300w = ""  # a folder in 300-W's own layout; "" = a rendered stand-in
    # "synthetic_faces": ours, prepared; "rendered": ours, drawn inside the step;
    # "face_synthetics": Microsoft's, in scheme ibug68_surface: all but the test faces.
    data.source = "synthetic_faces"
    data.face_synthetics = ""  # Microsoft's zip or its folder, where that is the source
    data.priors = ""  # of rendered faces: "glasses=0.5 hats=0"; "" = as photos are
    data.backgrounds = ""  # a folder of pictures to be seen behind rendered faces
    data.scheme = by_size("dense243", "dense490", "dense490")  # of the source's labels
    data.faces = by_size(32, 1280, 100_000)  # how many the synthetic set holds
    data.test_faces = by_size(16, 192, 2000)  # ... and its test split (stand-in: half)
    data.source_faces = 0  # of the synthetic train faces, used; 0 = all
    data.stand_in_faces = by_size(32, 448, 4096)  # the target's, if it is a stand-in
    data.validation_faces = 0  # of target train, held out for choosing; also measured
    data.target_faces = 0  # labelled target faces used, N_real; 0 = all
    data.source_share = 0.5  # of a batch, where there are two streams; 0 to 1 (alpha)
    data.workers = 0  # threads that decode; 0 = as many as cores that may be used
    # Processes that do so in place of threads, for a stream whose pictures are not kept
    # in memory (they are where all of them, as cut, take no more than 2 GiB); 0 =
    # threads. For hosts of many cores, see launch/README.md.
    data.processes = 0
    data.ahead = 4  # batches of each stream made before they are asked for, from 1
    # A workdir whose averaged weights label the target's train faces in `scheme`, in
    # place of their own labels: once, kept in this run's folder. "shipped" = those that
    # come with lmkjax; "" = their own labels.
    data.pseudo_labels = ""
    data.adapter = ""  # a workdir whose adapter rewrites the source's labels; "" = none

    # Of the source, each face's own, drawn anew in each step, where a landmark's kernel
    # is a function of its place and the labels are not rewritten; all 0 = the landmarks
    # of data.scheme.
    config.places = places = ml_collections.ConfigDict()
    places.skin = by_size(12, 28, 40)  # of face, ears and eyes, evenly by area
    places.head = by_size(4, 4, 8)  # of scalp and neck
    places.curves = by_size(20, 96, 128)  # of the named curves
    places.contour = by_size(8, 16, 24)  # of the visible contour

    config.crop = crop = ml_collections.ConfigDict()
    # What holds 99.5 % of dense1001's points of rendered faces, and some room for boxes
    # that are wrong: `lmkjax/face/README.md` has the table.
    crop.margin = 1.45  # side of the crop / longer side of the box of 68 points
    crop.up = 0.13  # how far its centre lies above the box's, share of its side
    crop.canvas = 1.5  # side of what the host hands over / side of the crop

    config.model = model = ml_collections.ConfigDict()
    model.input_px = by_size(32, 128, 256)
    model.heatmap_px = by_size(8, 32, 64)  # input_px / 4
    model.stacks = by_size(1, 2, 4)
    model.features = by_size(8, 64, 256)
    model.depth = by_size(1, 3, 4)  # halvings in each hourglass
    model.dtype = by_size("float32", "float32", "bfloat16")  # computed in
    model.transfer_features = by_size(8, 48, 128)  # of the label-transfer U-Net
    # "place": a landmark's kernel is a function of its place, for any scheme; "free":
    # numbers of its own, for the landmarks of `scheme` alone.
    model.kernels = "place"
    model.kernel_width = by_size(16, 128, 256)  # channels inside that function

    config.heatmaps = heatmaps = ml_collections.ConfigDict()
    heatmaps.loss = "points"  # "points", "kl", "mse", "awing"
    heatmaps.sigma_px = by_size(1.0, 1.0, 1.5)  # of a target, heatmap pixels
    heatmaps.gain = 16.0  # factor on the logits; 1 suits "mse" and "awing"
    heatmaps.decoder = "soft_argmax"  # "soft_argmax", "argmax", "dark"

    # What a step makes small, each in nats at any size (an error of a map's side: 32).
    # A term of weight 0 is not there at all.
    config.terms = terms = ml_collections.ConfigDict()
    terms.supervised = ml_collections.ConfigDict({"weight": 1.0})
    terms.supervised.streams = ("source",)  # "source", "target" (real or stand-in)
    terms.label_transfer = ml_collections.ConfigDict({"weight": 0.0})
    terms.label_transfer.form = "unet"  # of the maps; "places": 68 learned places
    # How sure points are and, where rendered faces teach it, whether they can be seen.
    terms.confidence = ml_collections.ConfigDict({"weight": 0.0})
    terms.daln = ml_collections.ConfigDict({"weight": 0.0})
    # What a row of the matrix is: where a face's landmark is ("landmark"), how sure it
    # is of that ("window", around its own point), what a pixel belongs to ("pixel").
    terms.daln.form = "landmark"
    # Landmarks asked about in a step, far apart, others in each (with a queue the same
    # in all); 0 = all, as with free kernels anyhow. The mean over their matrices is,
    # step by step, that over all.
    terms.daln.count = 68
    terms.daln.norm = "nuclear"  # of a matrix; "frobenius" as an ablation
    terms.daln.group = 8  # faces of each domain in one matrix, at most; 0 = all
    terms.daln.queue = 0  # faces of earlier steps whose rows join each matrix
    # Of the reversal, 2 / (1 + exp(-done / ramp)) - 1: both shares of the training; 0 =
    # all of it at once.
    terms.daln.ramp = 0.1
    terms.discriminator = ml_collections.ConfigDict({"weight": 0.0})
    terms.discriminator.ramp = 0.1
    # RegDA: a rival of the head is to err on photos alone, and the features prevent it.
    terms.disparity = ml_collections.ConfigDict({"weight": 0.0})
    terms.disparity.count = 16  # landmarks asked about in a step, far apart; 0 = all
    terms.disparity.begin = 0.1  # share of the training before which no photo counts
    terms.disparity.ramp = 0.1  # ... and from there on, as of a reversal
    # The averaged weights label the target's faces anew in each step.
    terms.mean_teacher = ml_collections.ConfigDict({"weight": 0.0})
    # "labels": as heatmaps.loss; "points": their distance alone.
    terms.mean_teacher.form = "labels"
    # Share of the places that count: the teacher's surest.
    terms.mean_teacher.keep = 0.5
    # Share of the training until it counts fully; 0 = now.
    terms.mean_teacher.ramp = 0.1
    # Of `augment`, of the pictures that the teacher sees, and that the network learns.
    terms.mean_teacher.mild, terms.mean_teacher.strong = 0.25, 1.5
    # Probability that a face, of either domain, takes on the colours of the other.
    terms.mean_teacher.style = 0.5

    config.augment = augment = ml_collections.ConfigDict()
    augment.rotation_deg = 18.0  # standard deviation
    augment.scale = 0.12  # standard deviation of log(scale)
    augment.shift = 0.05  # standard deviation, share of the crop's side
    augment.flip = 0.5  # probability
    augment.colour = 1.0  # strength, 0 = none
    augment.occlude = 0.4  # probability of a rectangle before the face
    augment.blur = 0.2  # probability

    config.optimizer = optimizer = ml_collections.ConfigDict()
    optimizer.learning_rate = 4e-3  # at the peak
    optimizer.warmup_steps = by_size(5, 40, 1000)
    optimizer.weight_decay = 1e-4
    # Below the gradients of a whole training (1.2 to 25 at laptop), so that all become
    # alike and the learning rate alone says how far a step goes.
    optimizer.clip_norm = 0.5
    optimizer.ema = by_size(0.9, 0.995, 0.9995)  # decay of the averaged weights

    config.train = train = ml_collections.ConfigDict()
    train.batch = by_size(16, 16, 128)  # faces per step, all streams and devices
    train.accumulate = 1  # parts of a batch worked on one after another; saves memory
    train.steps = by_size(1, 0, 100_000)  # 0 = by the clock
    train.minutes = by_size(0.0, 2.5, 0.0)  # of training, without compiling; 0 = steps
    # A workdir whose averaged weights this run begins with; "shipped" = those that come
    # with lmkjax (laptop's network; trained on rendered faces); "" = begins anew.
    train.init_from = ""
    train.log_every = by_size(1, 20, 100)  # steps
    train.save_every = by_size(1, 200, 2000)  # steps
    train.validate_every = by_size(1, 200, 2000)  # steps, and at the end; 0 = never
    train.gradient_norms = True  # each term's, at features and head, in the log
    train.fsdp_min_size = 0  # numbers from which on a parameter is sharded; 0 = none

    config.eval = evaluation = ml_collections.ConfigDict()
    evaluation.batch = by_size(8, 64, 256)
    evaluation.flip = False  # average with the mirrored picture
    evaluation.views = 1  # looks at each face, a little changed, to average; 1 to 8
    evaluation.failure = 8.0  # % ocular NME above which a face has failed; auc_08
    evaluation.drawn = by_size(4, 16, 16)  # faces drawn with their points

    return config.lock()
