"""The ledger of a fan-out against a plain count of what was really lost, doubled and swapped."""

from hypothesis import given
from hypothesis import strategies as st

from loadstone.measure.fanout import MOST_GAPS, MOST_UNDER_WAY, Ledger


def test_what_everybody_received_in_order_is_neither_missing_nor_double_nor_late() -> None:
    ledger = Ledger()
    for member in range(3):
        ledger.join(member)
    for at in range(10):
        number = ledger.send(0)
        first, last = ledger.receive(1, 0, number, 100 + at), ledger.receive(2, 0, number, 200 + at)
        assert (first.first_ns, first.last_ns) == (100 + at, 0)
        assert (last.first_ns, last.last_ns) == (0, 200 + at)
    assert [ledger.leave(member) for member in range(3)] == [0, 0, 0]
    assert (ledger.totals.sent, ledger.totals.delivered, ledger.under_way) == (10, 20, 0)


def test_the_last_delivery_is_the_latest_stamp_whoever_was_read_last() -> None:
    ledger = Ledger()
    for member in range(3):
        ledger.join(member)
    number = ledger.send(0)
    ledger.receive(1, 0, number, 900)
    assert ledger.receive(2, 0, number, 500).last_ns == 900


@given(st.lists(st.lists(st.integers(0, 39), max_size=120), min_size=1, max_size=4), st.integers(1, 40))
def test_missing_double_and_late_are_counted_as_they_happened(received: list[list[int]], sent: int) -> None:
    ledger = Ledger()
    members = range(1, len(received) + 1)
    for member in members:
        ledger.join(member)
    for _ in range(sent):
        ledger.send(0)
    missing = doubles = late = 0
    for member, numbers in zip(members, received, strict=True):
        numbers = [number for number in numbers if number < sent]
        seen: set[int] = set()
        highest = -1
        for number in numbers:
            ledger.receive(member, 0, number, 1)
            doubles += number in seen
            late += number < highest and number not in seen
            seen.add(number)
            highest = max(highest, number)
        missing += sent - len(seen)
    assert sum(ledger.leave(member) for member in members) == missing == ledger.totals.missing
    assert ledger.totals.duplicates == doubles
    assert ledger.totals.out_of_order == late


def test_a_member_is_owed_nothing_that_was_sent_before_it_joined_and_nothing_of_its_own() -> None:
    ledger = Ledger()
    ledger.join(0)
    ledger.send(0)
    ledger.join(1)
    number = ledger.send(0)
    assert not ledger.receive(1, 0, 0, 1).tracked
    assert not ledger.receive(0, 0, number, 1).tracked
    assert ledger.leave(0) == 0
    assert ledger.leave(1) == 1
    assert ledger.leave(1) == 0


def test_a_message_that_could_not_be_sent_is_owed_to_nobody() -> None:
    ledger = Ledger()
    for member in (0, 1):
        ledger.join(member)
    ledger.unsend(0, ledger.send(0))
    assert (ledger.leave(1), ledger.totals.sent, ledger.under_way) == (0, 0, 0)


def test_the_memory_of_gaps_and_of_what_is_under_way_is_bounded_and_the_count_stays_right() -> None:
    ledger = Ledger()
    for member in (0, 1):
        ledger.join(member)
    sent = 3 * MOST_GAPS + MOST_UNDER_WAY
    for _ in range(sent):
        number = ledger.send(0)
    assert ledger.under_way == MOST_UNDER_WAY
    ledger.receive(1, 0, number, 1)
    reception = ledger._members[1][0]
    assert len(reception.gaps) == MOST_GAPS
    assert ledger.leave(1) == sent - 1


def test_what_somebody_else_sends_into_the_room_is_nobodys() -> None:
    ledger = Ledger()
    for member in range(2):
        ledger.join(member)
    number = ledger.send(0)
    assert not ledger.receive(1, 7, 5, 1).tracked
    assert ledger.receive(1, 0, number, 1).last_ns == 1
    assert (ledger.totals.delivered, ledger.leave(1), ledger.totals.missing) == (1, 0, 0)
