"""Files packed in every way hold the same; packed badly, cut, huge, climbing or poisoned they get a sentence."""

import gzip
import json
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.data import containers, places, tables, unpacked
from engine.data.containers import open_rows
from engine.data.places import refuse_outside, stamp_of
from engine.data.read import examine, read, sha256_of
from engine.errors import DataError

ROWS: list[dict[str, Any]] = [{"prompt": f"p{i}", "chosen": f"yes {i}", "rejected": f"no {i}"} for i in range(6)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def zstd(content: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(content, asbytes=True))


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return path


def test_every_packing_holds_the_same(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(ROWS)
    (tmp_path / "a.jsonl").write_bytes(LINES)
    (tmp_path / "b.jsonl.zst").write_bytes(zstd(LINES))
    (tmp_path / "c.json.gz").write_bytes(gzip.compress(json.dumps(ROWS).encode()))
    zipped(tmp_path / "d.zip", data__rows_dot_jsonl=LINES, README_dot_md=b"words", data___dot_h_dot_jsonl=b"rubbish")
    with pa.OSFile(str(tmp_path / "e.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    with pa.OSFile(str(tmp_path / "f.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    pq.write_table(table, tmp_path / "g.parquet")
    found = {path.name: read(path) for path in sorted(tmp_path.iterdir())}
    assert len(found) == 7
    assert all(reading.data == found["a.jsonl"].data for reading in found.values())


def test_several_files_are_read_one_after_the_other_and_a_row_is_named_by_its_own(tmp_path: Path) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.json"
    one.write_bytes(b"".join(LINES.splitlines(keepends=True)[:4]))
    two.write_text(json.dumps([*ROWS[4:], {"prompt": "p"}]))
    zipped(tmp_path / "both.zip", one_dot_jsonl=one.read_bytes(), two_dot_json=two.read_bytes())
    (tmp_path / "notes.txt").write_text("not a file of rows")
    (tmp_path / "whole.jsonl").write_bytes(LINES)
    whole = read(tmp_path / "whole.jsonl").data
    (tmp_path / "whole.jsonl").unlink()
    for meant in (f"{one}, {two}", str(tmp_path / "*o*.json*"), str(tmp_path / "both.zip")):
        reading = examine(meant)
        assert reading.data == whole, meant
        (refused,) = reading.report.refused
        assert (refused.row, "two.json, row 3" in refused.detail) == (7, True)
    (tmp_path / "both.zip").unlink()
    assert examine(tmp_path).data == whole
    sums = {examine(meant).report.sha256 for meant in (tmp_path / "one.jsonl", f"{one},{two}", f"{two},{one}")}
    assert len(sums) == 3


@pytest.mark.parametrize("packed", [LINES, gzip.compress(LINES), zstd(LINES), json.dumps(ROWS).encode()])
def test_what_comes_in_by_the_pipe_is_read(packed: bytes) -> None:
    code = "from engine.data.read import examine; r = examine('-'); print(r.report.rows, len(r.data.pairs))"
    done = subprocess.run([sys.executable, "-c", code], input=packed, capture_output=True, check=True)
    assert done.stdout.decode().split() == ["6", "6"]


def bad(tmp_path: Path, name: str, content: bytes) -> str:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as found:
        list(open_rows(tmp_path / name))
    return str(found.value)


def test_what_unpacks_to_far_too_much_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked, "FREE", 1000)
    blank = b"\n" * 5_000_000
    assert "more than 200 times" in bad(tmp_path, "x.jsonl.gz", gzip.compress(blank))
    assert "more than 200 times" in bad(tmp_path, "x.jsonl.zst", zstd(blank))
    with zipfile.ZipFile(tmp_path / "y.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.jsonl", blank)
    assert "more than 200 times" in bad(tmp_path, "y.zip", (tmp_path / "y.zip").read_bytes())


def test_a_zip_that_climbs_out_is_locked_or_holds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("../up.jsonl", "/etc/rows.jsonl", "a/../../b.jsonl"):
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
            archive.writestr(name, LINES)
        assert "a path that leads out of it" in bad(tmp_path, "x.zip", (tmp_path / "x.zip").read_bytes())
    zipped(tmp_path / "y.zip", README_dot_md=b"words")
    assert "holds no file of rows" in bad(tmp_path, "y.zip", (tmp_path / "y.zip").read_bytes())
    locked = bytearray(zipped(tmp_path / "z.zip", a_dot_jsonl=LINES).read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + place] |= 1
    assert "cannot be unpacked" in bad(tmp_path, "z.zip", bytes(locked))
    monkeypatch.setattr(unpacked, "MOST_MEMBERS", 1)
    zipped(tmp_path / "w.zip", a_dot_jsonl=LINES, b_dot_jsonl=LINES)
    assert "2 files; 1 are allowed" in bad(tmp_path, "w.zip", (tmp_path / "w.zip").read_bytes())
    assert not list(tmp_path.parent.glob("up.jsonl"))


def test_cut_in_the_middle(tmp_path: Path) -> None:
    long = LINES * 300
    zipped(tmp_path / "x.zip", a_dot_jsonl=long)
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "x.parquet")
    for name, content in (
        ("a.jsonl.gz", gzip.compress(long)),
        ("a.jsonl.zst", zstd(long)),
        ("a.zip", (tmp_path / "x.zip").read_bytes()),
        ("a.parquet", (tmp_path / "x.parquet").read_bytes()),
    ):
        assert str(tmp_path / name) in bad(tmp_path, name, content[: len(content) // 2])


def test_a_line_that_is_too_long_costs_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "MAX_LINE", 500)
    (tmp_path / "x.jsonl").write_bytes(LINES + b'{"prompt": "' + b"a" * 5000 + b'"}\n' + LINES)
    report = examine(tmp_path / "x.jsonl").report
    assert [(item.row, item.reason) for item in report.refused] == [(7, "a line that is too long")]
    assert report.rows == 13


def test_keys_that_stand_twice_and_numbers_that_are_none(tmp_path: Path) -> None:
    odd = [
        '{"prompt": "a", "prompt": "b", "responses": ["c", "d"]}',
        '{"prompt": "a", "responses": [{"text": "c", "score": NaN}, "d"]}',
        '{"prompt": "a", "responses": [{"text": "c", "score": 1e999}, "d"]}',
        f'{{"prompt": "a", "responses": [{{"text": "c", "score": {"9" * 5000}}}, "d"]}}',
        '{"prompt": "a\\u0000b", "responses": ["c", "d"]}',
        '{"prompt": "a\x00b", "responses": ["c", "d"]}',
    ]
    good = [json.dumps({"prompt": f"p{i}", "responses": ["c", "d"]}) for i in range(9)]
    (tmp_path / "x.jsonl").write_text("\n".join([*good, *odd]))
    assert [item.reason for item in examine(tmp_path / "x.jsonl").report.refused] == [
        "a key stands twice",
        "a score is not a finite number",
        "a score is not a finite number",
        "not JSON",
        "a text holds a NUL character",
        "not JSON",
    ]
    assert "the key 'a' stands twice" in bad(tmp_path, "y.json", b'[{"a": 1, "a": 2}]')


class Poison:
    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('poisoned')",))


def test_pickled_objects_in_a_table_are_never_unpickled(tmp_path: Path) -> None:
    poison = pickle.dumps(Poison())
    for name, column in (
        ("binary", pa.array([poison] * 3)),
        (
            "extension",
            pa.ExtensionArray.from_storage(pa.opaque(pa.binary(), "python", "object"), pa.array([poison] * 3)),
        ),
    ):
        table = pa.table({"prompt": column, "chosen": ["a", "b", "c"], "rejected": ["d", "e", "f"]})
        table = table.replace_schema_metadata({b"ARROW:extension:metadata": poison, b"pandas": poison})
        pq.write_table(table, tmp_path / f"{name}.parquet")
        reading = examine(tmp_path / f"{name}.parquet")
        assert len(reading.report.refused) == 3
        assert reading.data.prompts == {}


def test_only_what_lies_below_the_data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, outside = tmp_path / "data" / "x.jsonl", tmp_path / "y.jsonl"
    inside.parent.mkdir()
    for path in (inside, outside):
        path.write_bytes(LINES)
    (inside.parent / "link.jsonl").symlink_to(outside)
    refuse_outside(str(outside))
    monkeypatch.setenv(places.ROOT_VARIABLE, str(inside.parent))
    refuse_outside(str(inside))
    refuse_outside("somebody/some-data")
    refuse_outside(str(outside), tmp_path)
    climbing = inside.parent / ".." / "y.jsonl"
    for path in (outside, climbing, inside.parent / "link.jsonl", f"{inside},{outside}", tmp_path / "*.jsonl"):
        with pytest.raises(DataError, match="the folder of data that this server reads"):
            refuse_outside(str(path))


def saved(folder: Path, *names: str) -> Path:
    """A folder as `datasets` saves it, whose state names these files; one of them is there."""
    folder.mkdir(exist_ok=True)
    table = pa.Table.from_pylist(ROWS)
    with pa.OSFile(str(folder / "0.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names]}))
    return folder


def test_of_a_saved_folder_only_what_lies_in_it_is_read(tmp_path: Path) -> None:
    elsewhere = saved(tmp_path / "elsewhere", "0.arrow") / "0.arrow"
    folder = saved(tmp_path / "s", "0.arrow", "0.arrow")
    assert list(open_rows(folder)) == ROWS * 2
    (folder / "link.arrow").symlink_to(elsewhere)
    before = sha256_of(folder), stamp_of(str(folder))
    for name in (str(elsewhere), "../elsewhere/0.arrow", "link.arrow", "in/0.arrow", "..", ".", "", "a\0b", "\ud800"):
        saved(folder, name)
        with pytest.raises(DataError, match="no file that lies in it"):
            list(open_rows(folder))
    saved(folder, "0.arrow", "0.arrow")
    elsewhere.write_bytes(b"other")
    assert sha256_of(folder) == before[0]
    assert stamp_of(str(folder)) != before[1]
    for state in (b"[1]", b"{", b'{"_data_files": 3}', b'{"_data_files": [1]}', b"[" * 100_000):
        (folder / "state.json").write_bytes(state)
        with pytest.raises(DataError, match="is no folder saved by `datasets`"):
            list(open_rows(folder))
    (folder / "state.json").unlink()
    (folder / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    with pytest.raises(DataError, match="holds the splits train, test"):
        list(open_rows(folder))


def arrow(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def test_a_zone_that_nobody_knows_gets_a_sentence(tmp_path: Path) -> None:
    table = pa.table({"prompt": ["p"], "at": pa.array([0], pa.timestamp("s", tz="Middle/Earth"))})
    assert "is not an Arrow file that can be read" in bad(tmp_path, "x.arrow", arrow(table))
    pq.write_table(table, tmp_path / "x.parquet")
    assert "x.parquet is not" in bad(tmp_path, "x.parquet", (tmp_path / "x.parquet").read_bytes())
    folder = saved(tmp_path / "s", "1.arrow")
    (folder / "1.arrow").write_bytes(arrow(table))
    with pytest.raises(DataError, match=r"1\.arrow is not an Arrow file"):
        list(open_rows(folder))


def test_a_text_that_many_rows_share_counts_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_BATCH", 1_000_000)
    long = pa.array(["x" * 20_000, "y"])
    for n, fits in ((30, True), (90, False)):
        shared = pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int8()), long)
        whole = pa.array(range(n + 1), pa.int32())
        columns = {
            "plain": shared,
            "listed": pa.ListArray.from_arrays(whole, shared),
            "within": pa.StructArray.from_arrays([shared], ["text"]),
            "viewed": pa.array(["x" * 20_000] * n, pa.string_view()),
        }
        for name, column in columns.items():
            (tmp_path / f"{name}.arrow").write_bytes(arrow(pa.table({name: column})))
            if fits:
                assert len(list(open_rows(tmp_path / f"{name}.arrow"))) == n
            else:
                assert "rows of over 1,000,000 bytes" in bad(
                    tmp_path, "y.arrow", (tmp_path / f"{name}.arrow").read_bytes()
                )


def test_two_columns_or_two_files_of_one_name_are_not_read(tmp_path: Path) -> None:
    assert "parted by ';'" in bad(tmp_path, "semicolons.csv", b"prompt;chosen;rejected\np;a;b\n")
    assert "parted by tabs" in bad(tmp_path, "tabs.csv", b"prompt\tchosen\trejected\np\ta\tb\n")
    assert "two columns of one name: 'chosen'" in bad(tmp_path, "x.csv", b"prompt,chosen,chosen\np,a,b\n")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.jsonl", LINES)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.jsonl", b"{}\n")
    assert "holds two files of one name: 'a.jsonl'" in bad(tmp_path, "x.zip", (tmp_path / "x.zip").read_bytes())


def test_a_folder_that_may_not_be_read_gets_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_: Path) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", closed)
    with pytest.raises(DataError, match="Permission denied"):
        open_rows(tmp_path)
    assert stamp_of(str(tmp_path)) is None
