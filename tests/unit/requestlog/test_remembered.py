from __future__ import annotations

from smartify_core.requestlog._headers._remembered import Remembered


def test_what_is_kept_is_found() -> None:
    """An answer is found under its key, at once and after it moved from the trial to those used of late."""
    remembered = Remembered[str, int](8)
    remembered.keep("a", 1)
    assert [remembered.get("a"), remembered.get("a"), remembered.get("b")] == [1, 1, None]


def test_there_is_a_most() -> None:
    """Whatever is asked, no more is kept than twice the room and a quarter of it."""
    remembered = Remembered[int, int](8)
    for key in range(1_000):
        remembered.keep(key, key)
        remembered.get(key)
        remembered.get(key // 2)
        assert len(remembered) <= 2 * 8 + 2


def test_a_flood_of_new_questions_pushes_nothing_out_that_is_in_use() -> None:
    """A million keys that are asked for once leave what was asked for twice where it is."""
    remembered = Remembered[int, str](8)
    for key in range(8):
        remembered.keep(-key, "in use")
        assert remembered.get(-key) == "in use"
    for key in range(1, 10_000):
        remembered.keep(key, "flood")
    assert all(remembered.get(-key) == "in use" for key in range(8))


def test_a_flood_that_asks_twice_pushes_out_only_what_rests() -> None:
    """Where new keys are asked for twice, an answer stays as long as it is asked for once in a while."""
    remembered = Remembered[int, str](8)
    remembered.keep(-1, "in use")
    remembered.keep(-2, "resting")
    assert (remembered.get(-1), remembered.get(-2)) == ("in use", "resting")
    for key in range(1, 1_000):
        remembered.keep(key, "flood")
        remembered.get(key)
        if key % 7 == 0:
            assert remembered.get(-1) == "in use"
    assert remembered.get(-2) is None


def test_the_smallest_room_is_room() -> None:
    """With room for one, the latest is found."""
    remembered = Remembered[int, int](1)
    for key in range(5):
        remembered.keep(key, key)
        assert remembered.get(key) == key
