"""Parquet, and zstd where Python has none, by pyarrow (extra `parquet`), which is imported here alone for tables."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from scaling_tui import InputError
from scaling_tui.tables.table import Table
from scaling_tui.text.files import MOST_TABLE_BYTES

_EXTRA = "pip install 'scaling-tui[parquet]'"


def parquet_table(data: bytes, where: str) -> Table:
    """The table of a Parquet file. A column of structures gives columns such as `config.lr`.

    Raises:
        InputError: pyarrow is missing, or the file is broken or too large.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise InputError(f"{where}: Parquet needs pyarrow: {_EXTRA}") from None
    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(data))
        groups = (file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
        if (size := sum(groups)) > MOST_TABLE_BYTES:
            raise InputError(f"{where}: {size:,} bytes unpacked, want a table of at most {MOST_TABLE_BYTES:,}")
        table = file.read()
        while any(pyarrow.types.is_struct(field.type) for field in table.schema):
            table = table.flatten()
        columns: dict[str, list[Any]] = {}
        for name, column in zip(table.column_names, table.columns, strict=True):
            columns.setdefault(name, column.to_pylist())
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{where}: not Parquet that pyarrow reads: {' '.join(str(error).split())[:120]}") from None
    twice = frozenset(name for name in columns if table.column_names.count(name) > 1)
    return Table(where, columns, range(1, table.num_rows + 1), twice)


def parquet_bytes(columns: Mapping[str, Sequence[Any]], where: str) -> bytes:
    """A Parquet file of columns of numbers or text; None is null. `where` begins the error.

    Raises:
        InputError: pyarrow is missing.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise InputError(f"{where}: Parquet needs pyarrow: {_EXTRA}") from None
    arrays = {}
    for name, column in columns.items():
        # A column of whole and broken numbers is one of floats, and text that UTF-8 cannot hold is no text.
        kept = [value.encode("utf-8", "replace").decode() if isinstance(value, str) else value for value in column]
        floats = any(isinstance(value, float) for value in kept)
        arrays[name] = pyarrow.array([float(v) if floats and v is not None else v for v in kept])
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(arrays), out)
    return out.getvalue()


def from_zstd(data: bytes, most_bytes: int, where: str) -> bytes:
    """The first `most_bytes` of what zstd packed.

    Raises:
        InputError: nothing here unpacks zstd, or it is broken.
    """
    try:
        from compression.zstd import ZstdError, ZstdFile  # type: ignore[import-not-found]  # Python 3.14
    except ImportError:
        pass
    else:
        try:
            with ZstdFile(io.BytesIO(data)) as unpacked:
                return bytes(unpacked.read(most_bytes))
        except (ZstdError, EOFError) as error:
            raise InputError(f"{where}: broken where it is compressed: {error}") from None
    try:
        import pyarrow
    except ImportError:
        raise InputError(f"{where}: zstd needs Python 3.14 or pyarrow: unpack it, or {_EXTRA}") from None
    try:
        with pyarrow.CompressedInputStream(pyarrow.BufferReader(data), "zstd") as stream:
            return bytes(stream.read(most_bytes))
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{where}: broken where it is compressed: {error}") from None
