"""Pictures of people: whatever is uploaded is decoded and drawn anew, so that nothing but pixels is kept."""

from __future__ import annotations

import io
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

from hub.errors import InvalidError

SIDE_PIXELS = 128
UPLOAD_LIMIT_BYTES = 1_000_000
MOST_PIXELS = 40_000_000
FORMATS = ("PNG", "JPEG")


def make_avatar(upload: bytes) -> bytes:
    """Return a square PNG of 128 pixels from an uploaded PNG or JPEG; what else the file held is dropped.

    Raises
    ------
    InvalidError
        It is neither, it is damaged, or it is too large.
    """
    if len(upload) > UPLOAD_LIMIT_BYTES:
        raise InvalidError(f"The picture is larger than {UPLOAD_LIMIT_BYTES // 1_000_000} MB.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(upload), formats=FORMATS) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise InvalidError("The picture has too many pixels; make it smaller first.")
                image.draft("RGB", (2 * SIDE_PIXELS, 2 * SIDE_PIXELS))  # JPEGs are decoded no larger than needed
                upright = ImageOps.exif_transpose(image)
                square = ImageOps.fit(upright.convert("RGBA"), (SIDE_PIXELS, SIDE_PIXELS))
    except (UnidentifiedImageError, Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise InvalidError("This is not a PNG or JPEG picture.") from error
    except (OSError, ValueError, SyntaxError) as error:
        raise InvalidError("The picture is damaged.") from error
    out = io.BytesIO()
    square.save(out, "PNG", optimize=True)
    return out.getvalue()
