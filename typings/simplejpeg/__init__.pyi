from typing import Literal

import numpy as np
from numpy.typing import NDArray

def decode_jpeg_header(data: bytes, *, strict: bool = ...) -> tuple[int, int, str, str]: ...
def decode_jpeg(
    data: bytes,
    colorspace: Literal["GRAY", "RGB", "CMYK"],
    *,
    min_height: int = ...,
    min_width: int = ...,
    strict: bool = ...,
) -> NDArray[np.uint8]: ...
def encode_jpeg(
    image: NDArray[np.uint8], quality: int = ..., colorspace: str = ..., colorsubsampling: str = ...
) -> bytes: ...
