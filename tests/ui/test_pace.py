from ui.pace import FORGOTTEN, LOOK_SECONDS, SECONDS_BETWEEN_LOOKS, SHARE, Pace


def test_one_viewer_sees_a_run_every_two_seconds_on_any_machine() -> None:
    for cores in (2, 8, 128):
        assert Pace(cores).looked("me") == 2


def test_ten_viewers_take_less_than_a_hundredth_of_two_cores() -> None:
    pace = Pace(cores=2)
    for _ in range(3):
        every = [pace.looked(f"viewer {number}") for number in range(10)]
    assert len(set(every)) == 1
    assert 10 * LOOK_SECONDS / every[0] <= SHARE * 2


def test_ten_viewers_of_a_big_machine_need_not_wait() -> None:
    pace = Pace(cores=64)
    assert {pace.looked(f"viewer {number}") for number in range(10)} == {2}


def test_those_who_left_are_forgotten() -> None:
    now = [0.0]
    pace = Pace(cores=2, clock=lambda: now[0])
    for number in range(10):
        pace.looked(f"viewer {number}")
    assert pace.looked("me") > 2
    now[0] = FORGOTTEN + 1
    assert pace.looked("me") == 2


def test_a_crowd_still_sees_the_run_twice_a_minute() -> None:
    pace = Pace(cores=1)
    assert [pace.looked(f"viewer {number}") for number in range(200)][-1] == SECONDS_BETWEEN_LOOKS[-1] == 32
