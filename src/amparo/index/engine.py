"""Which kernels run: compiled ones, or plain numpy where ``AMPARO_JIT=0``."""

from __future__ import annotations

from amparo.core.kernels import JIT

if JIT:
    from amparo.index.bands import bands_hold, chain, checksum_stripes, fill_bands, first_of_kind, permute_rows
    from amparo.index.scan import compare
else:
    from amparo.index.plain import bands_hold, chain, checksum_stripes, compare, fill_bands, first_of_kind, permute_rows

__all__ = ["bands_hold", "chain", "checksum_stripes", "compare", "fill_bands", "first_of_kind", "permute_rows"]
