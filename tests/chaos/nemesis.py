# SPDX-License-Identifier: Apache-2.0
"""The faults. Each is a generator (fleet, chance): it hurts, yields how long that lasts, and takes it
back; what it leaves behind, Fleet.heal() takes back. The plan of a round is drawn before anything
happens, so that a seed names the same plan again."""

import signal
import time

from fleet import FAKED_CLOCK_GATEWAY, GATEWAYS, SMALL_DISK_GATEWAY

MULTI = b"*1\r\n$5\r\nMULTI\r\n"
EXEC = b"*1\r\n$4\r\nEXEC\r\n"


def kill_redis(fleet):
    if fleet.redis.is_running():
        fleet.redis.kill()


def start_redis(fleet):
    if not fleet.redis.is_running():
        fleet.redis.start()


def cut(path, offset):
    with open(path, "r+b") as file:
        file.truncate(offset)


def gateway_killed(fleet, chance):
    index = chance.randrange(GATEWAYS)
    fleet.end(index, signal.SIGKILL)
    yield chance.uniform(0, 0.3)
    fleet.begin(index, may_fail=index == SMALL_DISK_GATEWAY)


def every_gateway_killed(fleet, chance):
    for index in range(GATEWAYS):
        fleet.end(index, signal.SIGKILL)
    yield chance.uniform(0, 0.2)
    for index in range(GATEWAYS):
        fleet.begin(index, may_fail=index == SMALL_DISK_GATEWAY)


def gateway_killed_while_it_recovers(fleet, chance):
    index = chance.randrange(GATEWAYS)
    for _ in range(3):
        fleet.end(index, signal.SIGKILL)
        fleet.begin(index, may_fail=index == SMALL_DISK_GATEWAY)
        yield chance.uniform(0, 0.02)


def gateway_ended(fleet, chance):
    index = chance.randrange(GATEWAYS)
    fleet.end(index, signal.SIGTERM)
    yield chance.uniform(0, 0.1)
    fleet.begin(index, may_fail=index == SMALL_DISK_GATEWAY)


def gateway_stopped(fleet, chance):
    program = fleet.gateways[chance.randrange(GATEWAYS)].program
    if program.process.poll() is None:
        program.send_signal(signal.SIGSTOP)
    yield chance.uniform(0.05, 0.7)
    if program.process.poll() is None:
        program.send_signal(signal.SIGCONT)


def models_stopped(fleet, chance):
    fleet.models.program.send_signal(signal.SIGSTOP)
    yield chance.uniform(0.05, 0.5)
    fleet.models.program.send_signal(signal.SIGCONT)


def redis_killed(fleet, chance):
    kill_redis(fleet)
    yield chance.uniform(0, 0.6)
    start_redis(fleet)


def redis_loses_its_tail(fleet, chance):
    """The last bytes that it acknowledged, few or many or all."""
    kill_redis(fleet)
    path = fleet.redis.log_file()
    if path:
        size = path.stat().st_size
        most = chance.choice([200, 5_000, 200_000, size])
        cut(path, size - chance.randrange(min(most, size) + 1))
    yield chance.uniform(0, 0.2)
    start_redis(fleet)


def redis_loses_the_end_of_a_transaction(fleet, chance):
    """The tail is lost inside MULTI ... EXEC. The start after the next one then runs the half and what
    was sent again (facts of Redis 7.0.15): what is written must bear both."""
    kill_redis(fleet)
    path = fleet.redis.log_file()
    data = path.read_bytes() if path else b""
    begin = data.rfind(MULTI)
    end = data.find(EXEC, begin)
    if begin >= 0 and end > begin:
        cut(path, chance.randrange(begin + len(MULTI), end))
        fleet.counts["inside a MULTI"] += 1
    start_redis(fleet)
    yield chance.uniform(0.3, 0.6)
    kill_redis(fleet)
    start_redis(fleet)


def redis_stopped(fleet, chance):
    if fleet.redis.is_running():
        fleet.redis.program.send_signal(signal.SIGSTOP)
    yield chance.uniform(0.2, 1.0)
    if fleet.redis.is_running():
        fleet.redis.program.send_signal(signal.SIGCONT)


def setting(*words):
    """A fault that is one command to Redis; heal() takes it back."""
    def fault(fleet, chance):
        fleet.redis.try_command(*words)
        yield chance.uniform(0.1, 0.6)
    return fault


def redis_rewrites(fleet, chance):
    fleet.redis.try_command("BGREWRITEAOF")
    yield chance.uniform(0, 0.1)


def disk_full(fleet, chance):
    if not fleet.disk.why_not:
        fleet.disk.fill()
    yield chance.uniform(0.1, 0.5)
    fleet.disk.clear()


def clock_stepped(fleet, chance):
    """Forward or back by minutes to days, under a running gateway."""
    if not fleet.why_no_clock:
        fleet.set_clock(chance.choice([-90_000, -3_700, -61, 0, 61, 3_700, 90_000]))
    yield chance.uniform(0, 0.2)


FAULTS = [
    ("gateway killed", 6, gateway_killed),
    ("every gateway killed", 1, every_gateway_killed),
    ("gateway killed while it recovers", 1, gateway_killed_while_it_recovers),
    ("gateway ended", 1, gateway_ended),
    ("gateway stopped", 3, gateway_stopped),
    ("model server stopped", 1, models_stopped),
    ("Redis killed", 3, redis_killed),
    ("Redis lost its tail", 4, redis_loses_its_tail),
    ("Redis lost the end of a MULTI", 4, redis_loses_the_end_of_a_transaction),
    ("Redis stopped", 2, redis_stopped),
    ("Redis paused writes", 1, setting("CLIENT", "PAUSE", "400", "WRITE")),
    ("Redis read-only", 2, setting("REPLICAOF", "127.0.0.1", "1")),
    ("Redis out of memory", 2, setting("CONFIG", "SET", "maxmemory", "1")),
    ("Redis without replicas", 1, setting("CONFIG", "SET", "min-replicas-to-write", "1")),
    ("Redis forgot scripts", 1, setting("SCRIPT", "FLUSH")),
    ("Redis emptied", 1, setting("FLUSHALL")),
    ("Redis rewrote its log", 1, redis_rewrites),
    ("disk full", 2, disk_full),
    ("clock stepped", 2, clock_stepped),
]


def plan(chance):
    """[(seconds until it begins, name, fault, its own seed)] of one round."""
    chosen = chance.choices(FAULTS, [row[1] for row in FAULTS], k=chance.choice([1, 2, 2, 3, 3, 4]))
    return [(chance.uniform(0.02, 0.25), name, fault, chance.random()) for name, _, fault in chosen]


def run(fleet, steps, make_chance):
    """Faults begin one after the other and overlap: each goes on when its time has come."""
    going = []
    for pause, name, fault, own_seed in steps:
        advance(going, time.monotonic() + pause)
        fleet.counts[name] += 1
        act = fault(fleet, make_chance(own_seed))
        going.append([time.monotonic() + next(act), act])
    while going:
        advance(going, min(due for due, _ in going))


def advance(going, until):
    """Lets time pass until then, and every fault whose time comes take its next step."""
    while True:
        due = min(going, default=None, key=lambda row: row[0])
        if due is None or due[0] > until:
            time.sleep(max(0, until - time.monotonic()))
            return
        time.sleep(max(0, due[0] - time.monotonic()))
        pause = next(due[1], None)
        if pause is None:
            going.remove(due)
        else:
            due[0] = time.monotonic() + pause
