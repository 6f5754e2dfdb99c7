"""Five-line tests of a project that has installed petstream."""

import json
import urllib.request

import pytest


def test_the_picture_arrives(camera, petstream_server, viewer):
    """A viewer gets pictures within a second of video, beginning with a key frame."""
    units = viewer.wait_for(30)
    assert units[0].nal_units[0][0] & 0x1F == 7
    assert petstream_server.service.health()["webrtc_clients"] == 1
    assert camera.is_running


@pytest.mark.camera("bbb-480p30", scenario="killed", seed=2, speed=3)
@pytest.mark.petstream("-max-clients=2")
def test_it_survives_a_camera_that_is_killed(camera, viewer):
    """The daemon dies in mid-copy, and the picture comes back over the same connection."""
    viewer.wait_until(lambda: camera.faults, "the first fault")
    viewer.wait_for_more(60)
    assert viewer.states.count("connected") == 1


def test_my_health_check_without_a_camera(petstream_server):
    """The server answers, and says what is missing."""
    with urllib.request.urlopen(petstream_server.addresses["http"] + "/health") as answer:
        assert json.load(answer)["status"] == "degraded"
