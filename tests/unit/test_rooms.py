"""The count of rooms that benchmarks/rooms.py makes of one start."""

from __future__ import annotations

from benchmarks.rooms import changes, files_called, room
from core.naming.ids import new_id
from core.naming.names import full_name


def test_a_change_is_a_call_in_another_folder_than_the_last() -> None:
    assert changes(["core/a.py", "core/b.py", "web/app/c.py", "core/a.py"]) == 2
    assert room("web/app/c.py") == "web/app"


def test_functions_of_ours_alone_are_noted_in_order() -> None:
    with files_called() as called:
        full_name("alice", "lab")
        len("not ours")
        new_id("s")
    assert list(dict.fromkeys(called)) == ["core/naming/names.py", "core/naming/ids.py"]
