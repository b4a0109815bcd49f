# SPDX-License-Identifier: Apache-2.0
"""The ledger reaches Redis the way it is run: over a unix socket, as a user with few rights, in a cluster."""

import shutil
import signal
import socket
import threading

import pytest

from harness import Program, Redis, report, wait_for
from setup_gateway import caller_key, chat_body

ANA = caller_key("ana")
CHAT_PATH = "/v1/chat/completions"
SLOTS = 16384

pytestmark = pytest.mark.skipif(not shutil.which("redis-server"), reason="redis-server is not installed")


def published_equals_the_bill(gateway, model_server, url, calls=20):
    """Calls, then Redis' own report against the model server's bill."""
    for index in range(calls):
        assert gateway.call("POST", CHAT_PATH, chat_body("chat", "x" * index), ANA).status == 200
    gateway.stop()
    redis = type("Where", (), {"url": url})
    assert sum(row["pico"] for row in report(gateway, redis=redis)) == int(model_server.bill()["cost_pico"])


def over(**changes):
    return lambda config: config.update(ledger={"store": "redis", "redis": changes})


def test_a_unix_socket_serves_as_well(make_gateway, model_server, tmp_path):
    """redis.url unix:///path and redis.socket are the same place; no port is open."""
    path = tmp_path / "s"
    program = Program(["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", tmp_path], tmp_path)
    program.wait_log("ready to accept connections|Ready to accept connections")
    gateway = make_gateway(over(socket=str(path)))
    published_equals_the_bill(gateway, model_server, f"unix://{path}")
    program.stop(signal.SIGTERM)


# What the README tells operators to grant.
RIGHTS = ["resetkeys", "~?:{gw-test}*", "~tollgate:gateways", "resetchannels", "-@all", "+auth", "+select", "+sadd", "+eval", "+hget",
          "+hset", "+zadd", "+xadd", "+hmget", "+hgetall", "+smembers", "+zrangebyscore"]


def test_a_user_with_few_rights_is_enough(make_gateway, model_server, redis, tmp_path):
    """The documented rights suffice to publish and to report, and everyone else is shut out."""
    gateway = make_gateway(over(url=redis.url, user="tollgate", password="${env:REDIS_WORD}"), start=False)
    gateway.env["REDIS_WORD"] = "s3cret-word"
    assert redis.command("ACL", "SETUSER", "tollgate", "on", ">s3cret-word", *RIGHTS) == "OK"
    assert redis.command("ACL", "SETUSER", "default", "off") == "OK"
    gateway.start()
    published_equals_the_bill(gateway, model_server, redis.url.replace("//", "//tollgate:s3cret-word@"))
    assert "s3cret-word" not in gateway.program.log()


def test_a_wrong_password_is_told_and_repaired(make_gateway, model_server, redis):
    """Serving goes on while Redis refuses us; the log says why without the word, and it heals by itself."""
    gateway = make_gateway(over(url=redis.url, user="tollgate", password="${env:REDIS_WORD}"), start=False)
    gateway.env["REDIS_WORD"] = "other-word"
    redis.command("ACL", "SETUSER", "tollgate", "on", ">s3cret-word", "~*", "+@all")
    gateway.start()
    assert gateway.call("POST", CHAT_PATH, chat_body("chat"), ANA).status == 200
    line = gateway.program.wait_log(r"ledger_publish_failed.*WRONGPASS").string
    assert "other-word" not in line
    redis.command("ACL", "SETUSER", "tollgate", ">other-word")
    published_equals_the_bill(gateway, model_server, redis.url)


class Cluster:
    """Three masters on this host, a third of the slots each."""

    def __init__(self, folder):
        self.nodes = []
        for index in range(3):
            node = folder / f"node-{index}"
            node.mkdir(parents=True)
            self.nodes.append(ClusterNode(node))
        first = self.nodes[0]
        for index, node in enumerate(self.nodes):
            node.command("CLUSTER", "ADDSLOTSRANGE", index * SLOTS // 3, (index + 1) * SLOTS // 3 - 1)
            node.command("CLUSTER", "SET-CONFIG-EPOCH", index + 1)
            if node is not first:
                node.command("CLUSTER", "MEET", "127.0.0.1", first.port, first.bus)
        assert wait_for(lambda: all("cluster_state:ok" in node.command("CLUSTER", "INFO") and
                                    "cluster_known_nodes:3" in node.command("CLUSTER", "INFO") for node in self.nodes))

    def owner(self, key):
        return self.nodes[[index for index in range(3) if self.slot(key) < (index + 1) * SLOTS // 3][0]]

    def slot(self, key):
        return self.nodes[0].command("CLUSTER", "KEYSLOT", key)

    def move(self, slot, target):
        """The slot and its keys go to the target, with callers being told ASK on the way."""
        source = next(node for node in self.nodes if node is not target and
                      node.command("CLUSTER", "COUNTKEYSINSLOT", slot))
        target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id())
        source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id())
        for key in source.command("CLUSTER", "GETKEYSINSLOT", slot, 1000):
            source.command("MIGRATE", "127.0.0.1", target.port, key, 0, 5000)
        for node in self.nodes:
            node.command("CLUSTER", "SETSLOT", slot, "NODE", target.id())

    def close(self):
        for node in self.nodes:
            node.close()


class ClusterNode(Redis):
    def start(self):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.bus = probe.getsockname()[1]
        self.program = Program(["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--cluster-enabled",
                                "yes", "--cluster-port", self.bus, "--cluster-node-timeout", "2000", "--dir", self.folder],
                               self.folder)
        self.program.wait_log(r"Ready to accept connections")

    def id(self):
        return self.command("CLUSTER", "MYID")


@pytest.fixture
def cluster(tmp_path):
    made = Cluster(tmp_path / "cluster")
    yield made
    made.close()


@pytest.mark.parametrize("index", range(3))
def test_every_node_of_a_cluster_leads_to_the_ledger(make_gateway, model_server, cluster, index):
    """Whichever node the configuration names, MOVED is followed: for the totals, the list of gateways and reports."""
    url = cluster.nodes[index].url
    published_equals_the_bill(make_gateway(over(url=url)), model_server, url)


def test_a_slot_may_move_while_calls_go_on(make_gateway, model_server, cluster):
    """ASK, TRYAGAIN and MOVED in the middle of publishing: nothing is lost, nothing counted twice."""
    gateway = make_gateway(over(url=cluster.nodes[0].url))
    key = "w:{gw-test}"
    slot = cluster.slot(key)
    stop = threading.Event()

    def call():
        while not stop.is_set():
            assert gateway.call("POST", CHAT_PATH, chat_body("chat"), ANA).status == 200

    caller = threading.Thread(target=call)
    caller.start()
    home = cluster.owner(key)
    try:
        assert wait_for(lambda: home.command("CLUSTER", "COUNTKEYSINSLOT", slot))
        others = [node for node in cluster.nodes if node is not home]
        for target in (others[0], others[1], home):
            cluster.move(slot, target)
            arrived = target.command("HGET", key, "pos")
            assert wait_for(lambda node=target, then=arrived: node.command("HGET", key, "pos") != then)
    finally:
        stop.set()
        caller.join()
    published_equals_the_bill(gateway, model_server, cluster.nodes[0].url)
