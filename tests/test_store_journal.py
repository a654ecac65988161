"""The journal: nothing that was appended is lost but what was torn, however the process ended."""

import os
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewise.store.journal import Journal
from tonewise.store.segments import SUFFIX, Segment, framed, unframed

LINE = st.binary(max_size=200).map(lambda data: data.replace(b"\n", b" "))


def left_in(folder: Path) -> list[bytes]:
    """What the next process would find in a folder."""
    journal = Journal(folder)
    lines = []
    for segment in journal.leftovers():
        lines += [line for piece in segment.whole(64) for line in piece.lines]
        segment.delete()
    journal.close()
    return lines


def abandoned(folder: Path, lines: list[bytes], segment: int = 1 << 20) -> list[Path]:
    """The segments of a process that appended lines and was killed."""
    journal = Journal(folder, segment=segment)
    for line in lines:
        assert journal.append(line)
    files = sorted(folder.glob(f"*{SUFFIX}"))
    for each in journal._segments:
        each.close()  # as the kernel does
    return files


@given(lines=st.lists(LINE, min_size=1, max_size=20), data=st.data())
@settings(max_examples=200, deadline=None)
def test_any_cut_of_the_last_segment_loses_at_most_the_line_that_was_torn(
    lines, data, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("journal")
    (file,) = abandoned(folder, lines)
    whole = file.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    os.truncate(file, cut)
    ends, end = [], 0
    for line in lines:
        end += len(framed(line))
        ends.append(end)
    survivors = [line for line, end in zip(lines, ends, strict=True) if end <= cut]
    assert left_in(folder) == survivors
    assert len(lines) - len(survivors) == sum(end > cut for end in ends)


@given(lines=st.lists(LINE, min_size=2, max_size=20), data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_byte_that_changed_costs_its_line_and_no_other(lines, data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("journal")
    (file,) = abandoned(folder, lines)
    content = bytearray(file.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    file.write_bytes(content)
    found = left_in(folder)
    # A line break that is gone costs both of its neighbours.
    assert len(found) >= len(lines) - 2
    rest = iter(lines)
    assert all(line in rest for line in found), "in order, and nothing that was never written"


@given(pieces=st.lists(LINE, max_size=30), most=st.integers(1, 100))
@settings(deadline=None)
def test_lines_come_back_whatever_pieces_they_are_read_in(pieces, most, tmp_path_factory):
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(folder, segment=500)
    for line in pieces:
        journal.append(line)
    segment_lines = []
    for segment in list(journal._segments):
        while (taken := segment.take(most)).used:
            segment_lines += taken.lines
            assert not taken.torn
    assert segment_lines == pieces
    journal.close()


def test_framing_refuses_what_would_break_a_line():
    with pytest.raises(ValueError, match="one line"):
        framed(b"a\nb")
    assert unframed(framed(b"") + framed(b"x") + b"0000") == ([b"", b"x"], 0, 21)


def test_segments_are_deleted_once_the_database_has_them(tmp_path):
    journal = Journal(tmp_path, segment=1000)
    for number in range(100):
        journal.append(b"%0100d" % number)
    assert len(list(tmp_path.iterdir())) > 10
    lines = []
    while taken := journal.take():
        lines += taken
    assert len(list(tmp_path.iterdir())) > 10, "taken, but not in the database yet"
    journal.done()
    assert [int(line) for line in lines] == list(range(100))
    assert [path.stat().st_size for path in tmp_path.iterdir()] == [0]
    journal.append(b"more")
    assert journal.take() == [b"more"]
    journal.close()
    assert len(list(tmp_path.iterdir())) == 1, "it was taken, and nobody said that it arrived"
    assert left_in(tmp_path) == [b"more"]


def test_what_another_living_process_writes_is_left_alone(tmp_path):
    theirs = Journal(tmp_path)
    theirs.append(b"theirs")
    ours = Journal(tmp_path)
    assert list(ours.leftovers()) == []
    ours.close()
    assert theirs.take() == [b"theirs"]
    theirs.close()


def test_of_two_that_start_at_once_one_takes_what_was_left(tmp_path):
    abandoned(tmp_path, [b"left"])
    one, two = Journal(tmp_path), Journal(tmp_path)
    (mine,) = one.leftovers()
    assert list(two.leftovers()) == []
    mine.delete()
    assert list(two.leftovers()) == []
    one.close()
    two.close()


def test_records_that_are_given_together_are_written_together_or_not_at_all(tmp_path, monkeypatch):
    journal = Journal(tmp_path, segment=1000, most=250)
    writes = []
    write = os.write
    monkeypatch.setattr(os, "write", lambda *given: writes.append(given) or write(*given))
    assert journal.append(b"a" * 50, b"b" * 50)
    assert len(writes) == 1
    assert not journal.append(b"c" * 50, b"d" * 80), "there is room for the first of them only"
    assert journal.take() == [b"a" * 50, b"b" * 50]
    journal.close()


def test_a_journal_that_is_full_refuses_and_tells_it_once_a_minute(tmp_path, caplog):
    now = [0.0]
    journal = Journal(tmp_path, segment=1000, most=3000, clock=lambda: now[0])
    took = [journal.append(b"x" * 100) for _ in range(40)]
    assert took == [True] * 27 + [False] * 13
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 3000
    assert len(caplog.records) == 1
    now[0] = 61.0
    assert not journal.append(b"x" * 100)
    assert "13 record(s) wait in memory only" in caplog.messages[1]
    while journal.take():
        journal.done()
    assert journal.append(b"x" * 100), "there is room again"
    journal.close()


def test_a_line_longer_than_what_is_read_at_once_comes_back_whole(tmp_path):
    journal = Journal(tmp_path)
    journal.append(b"y" * 1_000_000)
    journal.append(b"z")
    assert journal.take() == [b"y" * 1_000_000, b"z"]
    journal.close()


def test_threads_never_write_into_each_others_lines(tmp_path):
    journal = Journal(tmp_path, segment=10_000)
    threads = [
        threading.Thread(
            target=lambda at=at: [journal.append(b"%d %d" % (at, n)) for n in range(500)]
        )
        for at in range(6)
    ]
    for thread in threads:
        thread.start()
    lines: list[bytes] = []
    deadline = time.monotonic() + 30
    while len(lines) < 3000 and time.monotonic() < deadline:
        lines += journal.take()
        journal.done()
    for thread in threads:
        thread.join()
    for at in range(6):
        mine = [int(line.split()[1]) for line in lines if line.startswith(b"%d " % at)]
        assert mine == list(range(500))
    journal.close()


def test_a_segment_that_cannot_be_written_leaves_no_half_line(tmp_path, monkeypatch):
    segment = Segment(tmp_path / f"1{SUFFIX}", new=True)
    segment.append(framed(b"whole"))
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, data[:5]))
    with pytest.raises(OSError, match="No space left"):
        segment.append(framed(b"half"))
    monkeypatch.undo()
    segment.append(framed(b"after"))
    assert segment.take(1000).lines == [b"whole", b"after"]
    segment.close()
