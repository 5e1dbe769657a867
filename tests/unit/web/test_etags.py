import pytest
from fastapi import Response

from shared.web import PreconditionRequired, Problem, Unprocessable, etag, parse_if_match


@pytest.mark.parametrize(("header", "version"), [('"0"', 0), ('"17"', 17), (' "3" ', 3), ('W/"3"', 3), ("*", None)])
def test_versions_are_read(header: str, version: int | None) -> None:
    assert parse_if_match(header) == version


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (None, PreconditionRequired),
        ('w/"3"', Unprocessable),
        ("3", Unprocessable),
        ("", Unprocessable),
        ('""', Unprocessable),
        ('"-1"', Unprocessable),
        ('"01"', Unprocessable),
        ('"1", "2"', Unprocessable),
        ('"١"', Unprocessable),
        (f'"{10**18}"', Unprocessable),
        ('"1"\n', None),
    ],
)
def test_anything_else_is_a_problem(header: str | None, problem: type[Problem] | None) -> None:
    if problem is None:
        assert parse_if_match(header) == 1  # surrounding white space means nothing
    else:
        with pytest.raises(problem):
            parse_if_match(header)


def test_what_is_told_can_be_sent_back() -> None:
    response = Response()
    etag(response, 42)
    assert parse_if_match(response.headers["etag"]) == 42
