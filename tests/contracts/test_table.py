"""The README's table methods × tests is the one that the acceptance tests give."""

from pathlib import Path

from tests.contracts.table import TESTS, applies, table

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8").splitlines()


def test_the_readmes_table_is_that_of_the_acceptance_tests() -> None:
    """A tick where a test is made for the method; that they pass is what they show themselves."""
    wanted = table(dict.fromkeys(applies(), True))
    start = README.index(wanted[0])
    assert README[start : start + len(wanted)] == wanted


def test_every_test_of_the_table_is_about_some_method() -> None:
    assert {test for _, test in applies()} == set(TESTS)
