"""What tests of faults take from elsewhere: compiled programs, and servers."""

from tests.e2e.conftest import server, server_process, start_server
from tests.shm.conftest import c_programs

__all__ = ["c_programs", "server", "server_process", "start_server"]
