"""Pictures of scenes made to look as if any camera had taken them."""

import io

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter


def tinted(rng: np.random.RandomState, image: Image.Image) -> Image.Image:
    """A head in a light of its own."""
    gain = np.exp(rng.normal(0, 0.2) + rng.normal(0, 0.06, 3))
    power = np.exp(rng.normal(0, 0.2))
    return _by_table(image, gain, power, lift=0.0)


def photo(rng: np.random.RandomState, image: Image.Image) -> Image.Image:
    """A photo of a scene: colours, grey, blur, few pixels, noise, JPEG."""
    gain = np.exp(rng.normal(0, 0.15) + rng.normal(0, 0.08, 3))
    power, lift = np.exp(rng.normal(0, 0.25)), max(0.0, rng.normal(0, 0.08))
    image = _by_table(image, gain, power, lift=lift)
    image = ImageEnhance.Contrast(image).enhance(np.exp(rng.normal(0, 0.25)))
    if rng.uniform() < 0.15:
        image = image.convert("L").convert("RGB")
    else:
        image = ImageEnhance.Color(image).enhance(np.exp(rng.normal(-0.1, 0.4)))
    if rng.uniform() < 0.5:
        image = image.filter(ImageFilter.GaussianBlur(rng.exponential(0.6)))
    if rng.uniform() < 0.2:
        small = int(image.width * rng.uniform(0.35, 0.9))
        image = image.resize((small, small), Image.BILINEAR).resize(
            image.size, rng.choice([Image.BILINEAR, Image.BICUBIC, Image.NEAREST])
        )
    if rng.uniform() < 0.3:
        image = ImageEnhance.Sharpness(image).enhance(rng.uniform(1, 3))
    if rng.uniform() < 0.5:
        image = _noisy(rng, image)
    if rng.uniform() < 0.6:
        kept = io.BytesIO()
        image.save(kept, "JPEG", quality=int(rng.uniform(25, 95)))
        image = Image.open(kept).convert("RGB")
    return image


def _noisy(rng, image):
    spread = rng.exponential(7)
    grain = rng.normal(0, spread, (image.height, image.width, 1 + 2 * rng.randint(2)))
    noisy = np.asarray(image, np.float32) + grain
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def _by_table(image, gain, power, *, lift):
    steps = np.linspace(0, 1, 256) ** power
    bands = [np.clip(steps * g + lift, 0, 1) * 255 for g in gain]
    return image.point([int(x) for band in bands for x in band])
