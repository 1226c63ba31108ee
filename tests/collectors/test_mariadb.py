"""The MariaDB collector on a scratch server."""

from __future__ import annotations

from collections.abc import Iterator

import pymysql
import pytest

from collectors.database import database_collector
from collectors.errors import CollectorError
from collectors.families import exposition
from collectors.mariadb import MariadbCollector, global_status, slave_status
from tests.servers import MariaDb, free_port, mariadb


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    with mariadb(tmp_path_factory.mktemp("mariadb")) as running:
        yield running


def _look(url: str) -> dict[tuple[str, str], float]:
    families = MariadbCollector(url).collect()
    return {(s.name, ",".join(s.labels.values())): s.value for family in families for s in family.samples}


def test_mysqld_exporters_names(server: MariaDb) -> None:
    found = _look(server.url())
    assert found[("mysql_up", "")] == 1
    assert found[("mysql_global_status_uptime", "")] >= 0
    assert found[("mysql_global_status_threads_connected", "")] >= 1
    assert found[("mysql_global_variables_max_connections", "")] == 151
    assert found[("mysql_global_variables_innodb_buffer_pool_size", "")] == 32 << 20
    assert ("mysql_global_status_commands_total", "select") in found
    assert ("mysql_global_status_handlers_total", "read_key") in found
    assert found[("mysql_global_status_innodb_buffer_pool_read_requests", "")] > 0
    assert ("mysql_global_status_buffer_pool_pages", "free") in found
    assert any(name == "mysql_version_info" for name, _ in found)
    text = exposition(database_collector(server.url())).decode()
    assert "# TYPE mysql_global_status_commands_total counter" in text
    assert "# TYPE mysql_global_status_threads_running untyped" in text
    assert "# TYPE mysql_global_variables_max_connections gauge" in text


def test_counters_rise(server: MariaDb) -> None:
    before = _look(server.url())[("mysql_global_status_commands_total", "select")]
    connection = pymysql.connect(host="127.0.0.1", port=server.port, user="root")
    for _ in range(5):
        connection.cursor().execute("SELECT 1")
    connection.close()
    assert _look(server.url())[("mysql_global_status_commands_total", "select")] >= before + 5


def test_an_account_with_few_rights_still_sees_status(server: MariaDb) -> None:
    connection = pymysql.connect(host="127.0.0.1", port=server.port, user="root", autocommit=True)
    connection.cursor().execute("CREATE OR REPLACE USER watcher@'127.0.0.1' IDENTIFIED BY 'p@ss/word'")
    connection.close()
    found = _look(f"mysql://watcher:p%40ss%2Fword@127.0.0.1:{server.port}/")
    assert found[("mysql_up", "")] == 1
    assert not any(name.startswith("mysql_slave") for name, _ in found)


def test_a_server_that_is_down_or_refuses_is_not_up(server: MariaDb) -> None:
    assert _look(f"mysql://root@127.0.0.1:{free_port()}/") == {("mysql_up", ""): 0}
    assert _look(f"mysql://nobody:wrong@127.0.0.1:{server.port}/") == {("mysql_up", ""): 0}


def test_the_password_is_never_in_an_error() -> None:
    with pytest.raises(CollectorError) as error:
        MariadbCollector("postgres://me:secret@host/db")
    assert "secret" not in str(error.value) + error.value.hint


def test_replication() -> None:
    row = {"Master_Host": "db1", "Slave_IO_Running": "Yes", "Slave_SQL_Running": "No", "Seconds_Behind_Master": None,
           "Master_Log_File": "bin.000003", "Exec_Master_Log_Pos": 157, "Connection_name": ""}  # fmt: skip
    found = {s.name: (s.labels["master_host"], s.value) for f in slave_status([row]) for s in f.samples}
    assert found == {
        "mysql_slave_status_slave_io_running": ("db1", 1), "mysql_slave_status_slave_sql_running": ("db1", 0),
        "mysql_slave_status_exec_master_log_pos": ("db1", 157),
    }  # fmt: skip


def test_words_are_numbers_or_left_out() -> None:
    status = {"rpl_status": "AUTH_MASTER", "compression": "OFF", "wsrep_ready": "ON", "uptime": "12"}
    found = {s.name: s.value for f in global_status(status) for s in f.samples}
    assert found == {
        "mysql_global_status_compression": 0, "mysql_global_status_wsrep_ready": 1, "mysql_global_status_uptime": 12,
    }  # fmt: skip
