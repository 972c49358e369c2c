"""What is known of an entry beside the others of an audit."""

from harness.auditing.relations import NO_CROSS_ENTRY_EVIDENCE, Compared


def test_entries_that_were_not_compared_have_no_relations() -> None:
    assert Compared(None).of_entry("a") == ({}, NO_CROSS_ENTRY_EVIDENCE)
