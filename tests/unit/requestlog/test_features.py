from __future__ import annotations

from smartify_core.requestlog._features._known_features import FOLDED, NOT_MATCHED, Features

DAY = 86_400


def test_a_request_without_a_route_is_unmatched() -> None:
    """No name, and the name ``unmatched`` itself, are one feature."""
    features = Features(None, 10)
    assert features.named(None, 0) is NOT_MATCHED
    assert features.named("unmatched", 0).name == "unmatched"


def test_names_beyond_the_most_are_folded() -> None:
    """Once as many names as are told apart were met, further ones are one feature; those that were met stay."""
    features = Features(None, 3)
    names = [features.named(f"/route-{number}", 0).name for number in range(5)]
    assert names == ["/route-0", "/route-1", "/route-2", "(other)", "(other)"]
    assert features.named("/route-1", 0).name == "/route-1"


def test_the_next_day_begins_anew() -> None:
    """The guard counts the names of a day; a day later new names are met again."""
    features = Features(None, 1)
    features.named("/a", 5 * DAY)
    assert features.named("/b", 5 * DAY + 10) is FOLDED
    assert features.named("/b", 6 * DAY).name == "/b"
    assert features.named("/a", 6 * DAY) is FOLDED


def test_what_looks_like_a_value_is_folded() -> None:
    """A path that a framework hands over by mistake becomes no feature."""
    assert Features(None, 10).named("/t/alice@example.org", 0) is FOLDED


def test_only_allowed_names_where_the_host_lists_them() -> None:
    """A host that lists its features lets no other name into the log."""
    features = Features(frozenset({"/a"}), 10)
    assert features.named("/a", 0).name == "/a"
    assert features.named("/b", 0) is FOLDED
    assert features.named(None, 0) is NOT_MATCHED


def test_any_type_of_name_is_survived() -> None:
    """A finder that returns something else than a text gets it folded."""
    assert Features(None, 10).named(7, 0) is FOLDED  # type: ignore[arg-type]  # the mistake itself
