"""Administration: INFO, CONFIG, CLIENT, SLOWLOG, LATENCY, MONITOR, DEBUG, COMMAND, expiry and maxmemory."""

from __future__ import annotations

import re
import subprocess
import time

from resp import Reply, encode
from server import Server, ServerTestCase

DEFAULT_SECTIONS = [
    "Server", "Clients", "Memory", "Persistence", "Stats", "Replication", "CPU", "Modules", "Errorstats", "Cluster", "Keyspace",
]  # fmt: skip
# What redis-cli, redis-py and redis_exporter read, by section.
FIELDS = {
    "server": """redis_version redis_git_sha1 redis_git_dirty redis_build_id redis_mode os arch_bits multiplexing_api process_id
        process_supervised run_id tcp_port server_time_usec uptime_in_seconds uptime_in_days hz configured_hz lru_clock executable
        config_file io_threads_active""",
    "clients": """connected_clients cluster_connections maxclients client_recent_max_input_buffer client_recent_max_output_buffer
        blocked_clients tracking_clients clients_in_timeout_table""",
    "memory": """used_memory used_memory_human used_memory_rss used_memory_rss_human used_memory_peak used_memory_peak_human
        used_memory_peak_perc used_memory_overhead used_memory_startup used_memory_dataset used_memory_dataset_perc
        allocator_allocated allocator_active allocator_resident total_system_memory total_system_memory_human used_memory_lua
        used_memory_scripts maxmemory maxmemory_human maxmemory_policy allocator_frag_ratio allocator_frag_bytes
        allocator_rss_ratio allocator_rss_bytes rss_overhead_ratio rss_overhead_bytes mem_fragmentation_ratio
        mem_fragmentation_bytes mem_not_counted_for_evict mem_replication_backlog mem_clients_slaves mem_clients_normal
        mem_cluster_links mem_aof_buffer mem_allocator active_defrag_running lazyfree_pending_objects lazyfreed_objects""",
    "persistence": """loading async_loading rdb_changes_since_last_save rdb_bgsave_in_progress rdb_last_save_time
        rdb_last_bgsave_status rdb_last_bgsave_time_sec rdb_current_bgsave_time_sec rdb_last_cow_size aof_enabled
        aof_rewrite_in_progress aof_rewrite_scheduled aof_last_rewrite_time_sec aof_current_rewrite_time_sec
        aof_last_bgrewrite_status aof_last_write_status aof_last_cow_size module_fork_in_progress module_fork_last_cow_size""",
    "stats": """total_connections_received total_commands_processed instantaneous_ops_per_sec total_net_input_bytes
        total_net_output_bytes instantaneous_input_kbps instantaneous_output_kbps rejected_connections sync_full sync_partial_ok
        sync_partial_err expired_keys expired_stale_perc expired_time_cap_reached_count evicted_keys keyspace_hits
        keyspace_misses pubsub_channels pubsub_patterns latest_fork_usec total_forks migrate_cached_sockets
        slave_expires_tracked_keys active_defrag_hits active_defrag_misses active_defrag_key_hits active_defrag_key_misses
        tracking_total_keys unexpected_error_replies total_error_replies total_reads_processed total_writes_processed""",
    "replication": """role connected_slaves master_failover_state master_replid master_replid2 master_repl_offset
        second_repl_offset repl_backlog_active repl_backlog_size repl_backlog_first_byte_offset repl_backlog_histlen""",
    "cpu": "used_cpu_sys used_cpu_user used_cpu_sys_children used_cpu_user_children",
    "cluster": "cluster_enabled",
}
LINE = re.compile(r"^[A-Za-z0-9_|%. -]+:[^\r\n]*$")
MONITOR_LINE = re.compile(rb'^\d{10}\.\d{6} \[\d+ (127\.0\.0\.1:\d+|unix:[^\]]+)\]( "([^"\\]|\\.)*")+$')
CLIENT_LINE_FIELDS = """id addr laddr fd name age idle flags db sub psub multi qbuf qbuf-free argv-mem rbs rbp obl oll omem
    tot-mem events cmd user redir resp""".split()  # fmt: skip
PAUSE_MILLISECONDS = 300


class Info(ServerTestCase):
    def sections(self, *names: str) -> list[str]:
        return re.findall(r"^# (.+?)\r?$", self.c.command("INFO", *names).text, re.MULTILINE)

    def test_sections(self) -> None:
        self.c.command("SET", "a", "1")
        self.assertEqual(self.sections(), DEFAULT_SECTIONS)
        self.assertEqual(self.sections("default"), DEFAULT_SECTIONS)
        for everything in ("all", "everything", "ALL"):
            with self.subTest(everything):
                self.assertLessEqual({"Server", "Commandstats", "Latencystats", "Keyspace"}, set(self.sections(everything)))
        self.assertEqual(self.sections("memory"), ["Memory"])
        self.assertEqual(set(self.sections("cpu", "SERVER", "bogus")), {"CPU", "Server"})
        self.assertEqual(self.sections("bogus"), [])
        self.assertEqual(self.c.command("INFO", "bogus"), Reply("bulk", b""))

    def test_every_line_is_a_field(self) -> None:
        self.c.command("SET", "a", "1")
        text = self.c.command("INFO", "everything").text
        self.assertTrue(text.endswith("\r\n"))
        for line in text.split("\r\n"):
            self.assertTrue(not line or line.startswith("# ") or LINE.match(line), repr(line))

    def test_fields_that_tools_read(self) -> None:
        for section, names in FIELDS.items():
            present = self.server.info(section)
            missing = [name for name in names.split() if name not in present]
            with self.subTest(section):
                self.assertEqual(missing, [])

    def test_values_are_true(self) -> None:
        before = self.server.info()
        with self.server.redis() as client:
            for index in range(100):
                client.set(f"key:{index}", index, ex=1_000 if index % 2 else None)
            for index in range(150):
                client.get(f"key:{index}")
            client.select(3)
            client.set("other", 1)
        after = self.server.info()
        grown = {name: int(after[name]) - int(before[name]) for name in ("keyspace_hits", "keyspace_misses")}
        self.assertEqual(grown, {"keyspace_hits": 100, "keyspace_misses": 50})
        self.assertGreaterEqual(int(after["total_commands_processed"]) - int(before["total_commands_processed"]), 251)
        self.assertEqual(int(after["tcp_port"]), self.server.port)
        self.assertEqual(int(after["process_id"]), self.server.process.pid)
        self.assertRegex(after["db0"], r"^keys=100,expires=50,avg_ttl=\d+")
        self.assertRegex(after["db3"], r"^keys=1,expires=0,avg_ttl=0")
        self.assertRegex(after["redis_version"], r"^\d+\.\d+\.\d+$")
        self.assertRegex(after["run_id"], r"^[0-9a-f]{40}$")
        self.assertLessEqual(int(after["used_memory"]), int(after["used_memory_peak"]))
        with self.connect() as one, self.connect() as another:
            # What is connected may not be accepted yet; who was answered is.
            self.assertEqual({c.command("PING").value for c in (one, another)}, {b"PONG"})
            count = int(self.server.info("clients")["connected_clients"])
            self.assertGreaterEqual(count, 4)
        self.eventually(lambda: int(self.server.info("clients")["connected_clients"]) == count - 2)

    def test_shards_add_up(self) -> None:
        self.require_pantala("a section of its own")
        self.c.pipeline(["SET", f"key:{index}", index] for index in range(500))
        info = self.server.info("everything")
        shards = [dict(field.split("=") for field in info[f"shard_{index}"].split(",")) for index in range(int(info["shards"]))]
        self.assertEqual(sum(int(shard["keys"]) for shard in shards), 500)
        self.assertEqual(sum(int(shard["used_memory"]) for shard in shards), int(info["used_memory"]))
        self.assertEqual(self.sections("shards"), ["Shards"])

    def test_commandstats(self) -> None:
        self.c.command("CONFIG", "RESETSTAT")
        self.c.pipeline([["GET", "a"]] * 5 + [["get"], ["INCRBY", "a", "x"], ["CONFIG", "GET", "port"]])
        stats = self.server.info("commandstats")
        form = r"^calls=\d+,usec=\d+,usec_per_call=\d+\.\d+,rejected_calls=\d+,failed_calls=\d+$"
        for value in stats.values():
            self.assertRegex(value, form)
        self.assertRegex(stats["cmdstat_get"], r"^calls=5,.*,rejected_calls=1,failed_calls=0$")
        self.assertRegex(stats["cmdstat_incrby"], r"^calls=1,.*,rejected_calls=0,failed_calls=1$")
        self.assertRegex(stats["cmdstat_config|get"], r"^calls=1,")
        self.assertRegex(self.server.info("errorstats")["errorstat_ERR"], r"^count=2$")
        latency = self.server.info("latencystats")
        self.assertRegex(latency["latency_percentiles_usec_get"], r"^p50=\d+\.\d{3},p99=\d+\.\d{3},p99\.9=\d+\.\d{3}$")
        self.c.command("CONFIG", "RESETSTAT")
        self.assertNotIn("cmdstat_get", self.server.info("commandstats"))
        self.assertEqual(self.server.info("errorstats"), {})


class Config(ServerTestCase):
    def test_get_takes_several_patterns(self) -> None:
        names = self.connect(3).command("CONFIG", "GET", "maxmemory*", "port", "PO?T", "bogus", "data[b]ases").fields()
        self.assertLessEqual({"maxmemory", "maxmemory-policy", "port", "databases"}, {name.lower() for name in names})
        self.assertEqual(self.c.command("CONFIG", "GET", "bogus"), Reply("array", ()))
        everything = self.connect(3).command("CONFIG", "GET", "*").fields()
        self.assertEqual(everything["port"].text, str(self.server.port))
        for name in """bind port tcp-backlog timeout tcp-keepalive maxclients client-query-buffer-limit client-output-buffer-limit
            databases maxmemory loglevel logfile requirepass unixsocket protected-mode proto-max-bulk-len""".split():  # fmt: skip
            self.assertIn(name, everything)

    def test_set_is_all_or_nothing(self) -> None:
        self.assert_ok(self.c.command("CONFIG", "SET", "timeout", "0", "maxmemory", "1gb"))
        reply = self.c.command("CONFIG", "SET", "timeout", "5000", "maxmemory", "abc")
        self.assertRegex(reply.text, r"^ERR CONFIG SET failed \(possibly related to argument 'maxmemory'\) - ")
        self.assertEqual(self.c.command("CONFIG", "GET", "timeout").value[1].value, b"0")
        self.assertEqual(self.c.command("CONFIG", "GET", "maxmemory").value[1].value, b"1073741824")
        self.assert_ok(self.c.command("CONFIG", "SET", "maxmemory", "0"))

    def test_output_buffer_limits_read_back(self) -> None:
        self.assert_ok(self.c.command("CONFIG", "SET", "client-output-buffer-limit", "normal 1mb 512kb 10"))
        value = self.c.command("CONFIG", "GET", "client-output-buffer-limit").value[1].text
        self.assertIn("normal 1048576 524288 10", value)
        self.assertRegex(value, r"(slave|replica) \d+ \d+ \d+ pubsub \d+ \d+ \d+")
        self.assert_ok(self.c.command("CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0"))

    def test_where_it_listens_cannot_change(self) -> None:
        self.require_pantala("Redis listens anew")
        for name, value in (("port", 1), ("bind", "127.0.0.1")):
            reply = self.c.command("CONFIG", "SET", name, value)
            self.assert_error(reply, f"ERR CONFIG SET failed (possibly related to argument '{name}') - can't set immutable config")

    def test_values_are_text(self) -> None:
        self.require_pantala("Redis keeps any bytes")
        reply = self.c.command("CONFIG", "SET", "requirepass", b"\xff")
        self.assert_error(
            reply, "ERR CONFIG SET failed (possibly related to argument 'requirepass') - argument must be valid UTF-8"
        )
        self.assertEqual(self.c.command("CONFIG", "GET", b"\xff*"), Reply("array", ()))

    def test_lowered_maxmemory_refuses_at_once(self) -> None:
        """Even what stands right behind it in the pipeline, on whichever shard."""
        writes = [["SET", f"key:{index}", "1"] for index in range(20)]
        replies = self.c.pipeline([["CONFIG", "SET", "maxmemory", "1"], *writes, ["CONFIG", "SET", "maxmemory", "0"], *writes])
        self.assertEqual([reply.is_error for reply in replies], [False, *[True] * 20, False, *[False] * 20])

    def test_maxclients_within_what_the_system_allows(self) -> None:
        reply = self.c.command("CONFIG", "SET", "maxclients", 4_000_000_000)
        self.assertRegex(reply.text, r"The operating system is not able to handle the specified number of clients, try with \d+$")
        self.assert_ok(self.c.command("CONFIG", "SET", "maxclients", 5_000))
        self.assert_ok(self.c.command("CONFIG", "SET", "maxclients", 10_000))

    def test_rewrite_needs_a_file(self) -> None:
        self.assert_error(self.c.command("CONFIG", "REWRITE"), "ERR The server is running without a config file")


class ConfigFile(ServerTestCase):
    """A file in redis.conf's syntax; the command line goes above it; REWRITE keeps it up to date."""

    def test_file_command_line_and_rewrite(self) -> None:
        text = '# a comment\nmaxmemory 100mb\n\ntimeout 77\nmaxclients 55\nrequirepass "two words"\n'
        with Server(configuration=text, maxclients=66) as server:
            c = server.connect()
            self.assert_ok(c.command("AUTH", "two words"))
            for name, value in (("maxmemory", "104857600"), ("timeout", "77"), ("maxclients", "66"), ("requirepass", "two words")):
                self.assertEqual(c.command("CONFIG", "GET", name).value[1].text, value)
            self.assert_ok(c.command("CONFIG", "SET", "timeout", "88"))
            self.assert_ok(c.command("CONFIG", "REWRITE"))
            rewritten = server.configuration_path.read_text()
            self.assertRegex(rewritten, r"(?m)^timeout 88$")
            self.assertIn("# a comment", rewritten)
            self.assertEqual(len(re.findall(r"(?m)^maxmemory ", rewritten)), 1)

    def test_rewrite_replaces_the_file_as_a_whole(self) -> None:
        with Server(configuration="# a comment\n") as server:
            server.configuration_path.chmod(0o600)
            c = server.connect()
            self.assert_ok(c.command("CONFIG", "SET", "timeout", "99"))
            self.assert_ok(c.command("CONFIG", "REWRITE"))
            self.assertEqual(server.configuration_path.stat().st_mode & 0o777, 0o600)
            names = [path.name for path in server.directory.iterdir() if path.name.startswith("server.conf")]
            self.assertEqual(names, ["server.conf"])
            server.configuration_path.unlink()
            self.assert_ok(c.command("CONFIG", "REWRITE"))
            self.assertRegex(server.configuration_path.read_text(), r"(?m)^timeout 99$")

    def test_dir_and_loglevel_at_run_time(self) -> None:
        server = Server(**{"enable-protected-configs": "yes", "loglevel": "notice"})
        self.addCleanup(server.discard)
        c = server.connect()
        self.assert_ok(c.command("CONFIG", "SET", "dir", "/", "loglevel", "warning"))
        self.assertEqual(c.command("CONFIG", "GET", "dir").value[1].value, b"/")
        self.assertRegex(c.command("CONFIG", "SET", "dir", "/nonexistent").text, r"argument 'dir'\) - No such file or directory$")
        server.process.terminate()
        server.wait_for_exit()
        self.assertNotIn("SIGTERM", server.log())

    def test_wrong_configuration_stops_the_start(self) -> None:
        for arguments in (["--nosuch-option", "1"], ["--maxmemory", "abc"], ["--port", "-5"], ["--port", "70000"]):
            with self.subTest(arguments):
                result = subprocess.run([self.server.binary, *arguments], capture_output=True, text=True, timeout=10)
                self.assertNotEqual(result.returncode, 0)
                self.assertIn(arguments[0].lstrip("-"), result.stdout + result.stderr)


class Clients(ServerTestCase):
    def lines(self, *options: object) -> list[dict[str, str]]:
        text = self.c.command("CLIENT", "LIST", *options).text
        return [dict(field.split("=", 1) for field in line.split(" ")) for line in text.splitlines()]

    def test_list_and_info(self) -> None:
        other = self.connect(3)
        other.command("CLIENT", "SETNAME", "other")
        other.command("SELECT", "5")
        other.command("GET", "a")
        lines = {int(line["id"]): line for line in self.lines()}
        line = lines[other.command("CLIENT", "ID").value]
        self.assertEqual([name for name in line if name in CLIENT_LINE_FIELDS], CLIENT_LINE_FIELDS)
        self.assertEqual((line["name"], line["db"], line["cmd"], line["user"], line["resp"]), ("other", "5", "get", "default", "3"))
        host, port = other.socket.getsockname()
        self.assertEqual((line["addr"], line["laddr"]), (f"{host}:{port}", f"127.0.0.1:{self.server.port}"))
        own = other.command("CLIENT", "INFO").text
        self.assertTrue(own.endswith("\n"))
        self.assertIn(f"id={line['id']} ", own)
        self.assertIn("cmd=client|info", own)
        self.assertEqual([each["id"] for each in self.lines("ID", line["id"])], [line["id"]])
        self.assertEqual(self.lines("TYPE", "pubsub"), [])
        self.assertGreaterEqual(len(self.lines("TYPE", "normal")), 2)
        with self.server.connect_unix() as local:
            self.assertRegex(local.command("CLIENT", "INFO").text, rf"addr={re.escape(self.server.socket_path)}:0 ")

    def test_ids_rise_and_names(self) -> None:
        ids = [self.connect().command("CLIENT", "ID").value for _ in range(4)]
        self.assertEqual(ids, sorted(set(ids)))
        self.assertTrue(self.c.command("CLIENT", "GETNAME").is_null)
        self.assert_ok(self.c.command("CLIENT", "SETNAME", "me"))
        self.assertEqual(self.c.command("CLIENT", "GETNAME"), Reply("bulk", b"me"))
        self.assert_ok(self.c.command("CLIENT", "SETNAME", ""))
        self.assertTrue(self.c.command("CLIENT", "GETNAME").is_null)

    def test_setinfo(self) -> None:
        self.require_version(7, 2)
        self.assert_ok(self.c.command("CLIENT", "SETINFO", "LIB-NAME", "our-client"))
        self.assert_ok(self.c.command("CLIENT", "SETINFO", "lib-ver", "1.2.3"))
        self.assertIn("lib-name=our-client lib-ver=1.2.3", self.c.command("CLIENT", "INFO").text)
        self.assert_error(self.c.command("CLIENT", "SETINFO", "BOGUS", "x"), "ERR Unrecognized option 'BOGUS'")
        self.assertTrue(self.c.command("CLIENT", "SETINFO", "LIB-NAME", "two words").is_error)
        self.assert_ok(self.c.command("CLIENT", "NO-TOUCH", "ON"))
        self.assert_ok(self.c.command("CLIENT", "NO-TOUCH", "OFF"))

    def test_kill_by_filter(self) -> None:
        def victim():
            c = self.connect()
            host, port = c.socket.getsockname()
            return c, c.command("CLIENT", "ID").value, f"{host}:{port}"

        victims = [victim() for _ in range(3)]
        self.assertEqual(self.c.command("CLIENT", "KILL", "ID", victims[0][1]), Reply("integer", 1))
        self.assert_ok(self.c.command("CLIENT", "KILL", victims[1][2]))
        self.assertEqual(self.c.command("CLIENT", "KILL", "ADDR", victims[2][2], "TYPE", "normal"), Reply("integer", 1))
        for c, _, _ in victims:
            self.assertTrue(c.is_closed(within_seconds=20))
        others = [self.connect() for _ in range(5)]
        for c in others:
            c.command("PING")
        self.assertGreaterEqual(self.c.command("CLIENT", "KILL", "LADDR", f"127.0.0.1:{self.server.port}").value, 5)
        for c in others:
            self.assertTrue(c.is_closed(within_seconds=20))
        self.assertEqual(self.c.command("PING").value, b"PONG", "SKIPME is the default")
        self.assertEqual(self.c.command("CLIENT", "KILL", "USER", "default", "SKIPME", "no").value, 1)
        self.assertTrue(self.c.is_closed(within_seconds=20))
        self.assert_error(self.connect().command("CLIENT", "KILL", "1.2.3.4:5"), "ERR No such client")

    def test_kill_takes_replies_already_made_along(self) -> None:
        """A client that kills itself still gets the answer."""
        own = self.c.command("CLIENT", "ID").value
        self.c.send(encode("CLIENT", "KILL", "ID", own, "SKIPME", "no") + encode("PING"))
        self.assertEqual(self.c.read_until_closed()[0], Reply("integer", 1))

    def test_pause(self) -> None:
        other = self.connect()
        for mode, delayed, free in (("WRITE", ["SET", "a", "1"], ["GET", "a"]), ("ALL", ["GET", "a"], None)):
            if free:
                self.assert_ok(self.c.command("CLIENT", "PAUSE", 60_000, mode))
                self.assertFalse(other.command(*free).is_error)
                self.assert_ok(self.c.command("CLIENT", "UNPAUSE"))
            started = time.monotonic()
            self.assert_ok(self.c.command("CLIENT", "PAUSE", PAUSE_MILLISECONDS, mode))
            self.assertFalse(other.command(*delayed).is_error)
            self.assertGreater(time.monotonic() - started, PAUSE_MILLISECONDS / 1000 * 0.99)
        self.assert_ok(self.c.command("CLIENT", "PAUSE", 60_000, "WRITE"))
        other.send(encode("SET", "a", "2"))
        self.assertFalse(other.has_input(0.1))
        self.assert_ok(self.c.command("CLIENT", "UNPAUSE"))
        self.assert_ok(other.read_reply())

    def test_unpause_lets_clients_of_every_shard_go_on(self) -> None:
        others = [self.connect() for _ in range(6)]
        self.assert_ok(self.c.command("CLIENT", "PAUSE", 60_000, "WRITE"))
        # What a pause holds up is read again afterwards: as an array, and as an inline command.
        for index, other in enumerate(others):
            other.send(encode("SET", f"key:{index}", 1) + b"INCR key:%d\r\n" % index + encode("PING"))
        self.assertFalse(any(other.has_input(0.02) for other in others))
        self.eventually(lambda: [line["flags"] for line in self.lines()].count("b") == len(others))
        self.assert_ok(self.c.command("CLIENT", "UNPAUSE"))
        for other in others:
            self.assertEqual([reply.value for reply in other.read_replies(3)], [b"OK", 2, b"PONG"])

    def test_kill_by_age(self) -> None:
        self.require_version(7, 4)
        self.assertEqual(self.c.command("CLIENT", "KILL", "MAXAGE", 1_000_000), Reply("integer", 0))
        self.assert_error(self.c.command("CLIENT", "KILL", "MAXAGE", "abc"), "ERR maxage is not an integer or out of range")
        self.assert_error(self.c.command("CLIENT", "KILL", "MAXAGE", 0), "ERR maxage should be greater than 0")
        old = self.connect()
        old.command("PING")
        time.sleep(1.1)
        self.connect().command("PING")
        self.assertEqual(self.c.command("CLIENT", "KILL", "MAXAGE", 1), Reply("integer", 1))
        self.assertTrue(old.is_closed(within_seconds=20))

    def test_memory_of_clients_adds_up(self) -> None:
        """Whatever connections hold, `tot-mem` of all is what the heaps count for clients, but for a fixed store per shard."""
        self.require_pantala("accounts")

        def fixed() -> int:
            total = re.search(r"mem_clients_normal:(\d+)", self.c.command("INFO", "memory").text)
            return int(total[1]) - sum(int(line["tot-mem"]) for line in self.lines())

        before = fixed()
        self.c.command("SET", "big", "x" * 100_000)
        waiting, part, many, deaf = (self.connect() for _ in range(4))
        waiting.command("PING")
        part.send(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000\r\n" + b"x" * 50_000)
        many.send(b"*1000\r\n" + b"$1\r\na\r\n" * 500)
        deaf.send(encode("GET", "big") * 200)
        self.eventually(lambda: any(int(line["omem"]) > 1_000_000 for line in self.lines()))
        # While replies are still under way, the two figures are of two moments.
        self.eventually(lambda: fixed() == before, message=f"{fixed()} bytes instead of {before}")

    def test_no_evict_and_help(self) -> None:
        self.assert_ok(self.c.command("CLIENT", "NO-EVICT", "ON"))
        self.assert_ok(self.c.command("CLIENT", "NO-EVICT", "off"))
        self.assertEqual(self.c.command("CLIENT", "GETREDIR"), Reply("integer", -1))
        self.assertEqual(self.c.command("CLIENT", "UNBLOCK", 12345), Reply("integer", 0))
        for container in ("CLIENT", "CONFIG", "COMMAND", "OBJECT", "SLOWLOG", "LATENCY", "MEMORY"):
            reply = self.c.command(container, "HELP")
            self.assertEqual((reply.kind, {line.kind for line in reply.value}), ("array", {"simple"}))
            self.assertEqual(reply.value[0].text, f"{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
            self.assertEqual(reply.value[-2].text, "HELP")
            self.assertRegex(reply.value[-1].text, r"^ {4}Prints? this help\.$")


class Monitor(ServerTestCase):
    def test_output(self) -> None:
        monitor = self.connect()
        self.assert_ok(monitor.command("MONITOR"))
        self.c.command("SELECT", "2")
        self.c.command("SET", "a\r\n\x00\"\\", b"\xff1")
        self.c.command("nosuch")
        self.c.command("mGet", "a", "b")
        with self.server.connect_unix() as local:
            local.command("ECHO", "unix")
        lines = [monitor.read_reply() for _ in range(4)]
        self.assertEqual({line.kind for line in lines}, {"simple"})
        for line in lines:
            self.assertRegex(line.value, MONITOR_LINE)
        host, port = self.c.socket.getsockname()
        self.assertTrue(lines[1].text.endswith(f'[2 {host}:{port}] "SET" "a\\r\\n\\x00\\"\\\\" "\\xff1"'), lines[1].text)
        self.assertTrue(lines[2].text.endswith('"mGet" "a" "b"'), "an unknown command is not run, so not shown")
        self.assertTrue(lines[3].text.endswith(f'[0 unix:{self.server.socket_path}] "ECHO" "unix"'), lines[3].text)
        self.assertEqual(monitor.command("RESET"), Reply("simple", b"RESET"))
        self.c.command("PING")
        self.assertEqual(monitor.command("ECHO", "x"), Reply("bulk", b"x"))

    def test_a_command_is_shown_when_it_has_been_executed(self) -> None:
        monitor = self.connect()
        monitor.command("MONITOR")
        monitor.send(encode("SELECT", "3") + encode("RESET") + encode("PING"))
        reply, line, reset, pong = (monitor.read_reply() for _ in range(4))
        self.assertEqual((reply.value, reset.value, pong.value), (b"OK", b"RESET", b"PONG"))
        host, port = monitor.socket.getsockname()
        self.assertTrue(line.text.endswith(f'[3 {host}:{port}] "SELECT" "3"'), line.text)

    def test_secrets_are_not_shown(self) -> None:
        monitor = self.connect()
        monitor.command("MONITOR")
        self.c.command("AUTH", "default", "secret")
        self.c.command("PING")
        seen = monitor.read_reply().text
        self.assertNotIn("secret", seen)
