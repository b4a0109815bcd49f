# SPDX-License-Identifier: Apache-2.0
"""What is measured: the proxies, each with its configuration, started pinned and ended by pid."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
BUILD = TOP / "build" / "release"
FOLDER = TOP / "build" / "bench"
ISSUER = "https://idp.bench.example"
POLICY_COUNT = 100
opened = []  # every process started here, to be ended by close_all()

NGINX = """
daemon off; master_process on; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log error;
events {{ worker_connections 10000; }}
http {{
  access_log off; keepalive_timeout 300s; keepalive_requests 1000000000; tcp_nodelay on;
  client_body_buffer_size 64k; client_max_body_size 32m;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream models {{ server 127.0.0.1:{upstream}; keepalive 512; keepalive_requests 1000000000; }}
  proxy_http_version 1.1; proxy_set_header Connection "";
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ proxy_pass http://models; }} }}
  server {{ listen 127.0.0.1:{stream_port} backlog=4096;
    location / {{ proxy_pass http://models; proxy_buffering off; }} }}
}}
"""

# Debian's HAProxy with what its documentation shows for tokens: algorithm, signature, issuer,
# audience and expiry checked on every request. No log.
HAPROXY = """
global
  nbthread 1
  maxconn 6000
defaults
  mode http
  option http-no-delay
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  timeout http-keep-alive 300s
frontend in
  bind 127.0.0.1:{port} backlog 4096
  http-request set-var(txn.bearer) http_auth_bearer
  http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
  http-request set-var(txn.iss) var(txn.bearer),jwt_payload_query('$.iss')
  http-request set-var(txn.aud) var(txn.bearer),jwt_payload_query('$.aud')
  http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 unless {{ var(txn.alg) -m str RS256 }}
  http-request deny deny_status 401 unless {{ var(txn.iss) -m str {issuer} }}
  http-request deny deny_status 401 unless {{ var(txn.aud) -m str tollgate }}
  http-request deny deny_status 401 if {{ var(txn.exp),sub(txn.now) -m int lt 0 }}
  http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_verify(txn.alg,"{folder}/../bench.pub") 1 }}
  default_backend models
backend models
  http-reuse always
  server upstream 127.0.0.1:{upstream}
"""

TOLLGATE = """
gateway: {{id: bench, state: ./state, workers: 1, log_level: warn}}
listeners:
  - address: "127.0.0.1:{port}"
identity:
  issuers:
    - name: corp
      issuer: "{issuer}"
      audience: [tollgate]
      algorithms: [RS256]
      jwks: {{file: ../bench.jwks.json}}
      claims:
        {{subject: sub, bu: bu, team: team, project: project, roles: roles, groups: groups, scopes: scope,
         attributes: {{clearance: clearance, home_region: region, trainings: trainings}}}}
limits: {{idle_timeout: 300s}}
policy: {{schema: policies/gateway.cedarschema, files: [policies/*.cedar], entities: entities.json}}
prices: {{file: prices.yaml, unpriced: refuse}}
ledger: {{store: sqlite}}
journal: {{durability: strict}}
upstreams:
  - name: models
    url: "http://127.0.0.1:{upstream}"
    provider: azure
    credential: {{header: authorization, value: "Bearer ${{file:../upstream.credential}}"}}
    connections: 512
models:
  - name: bench-model
    upstream: models
    dialects: [openai.chat]
    price: bench-model
    region: eu-west-1
    max_output: 4096
    groups: [standard]
    risk: limited
    max_classification: 2
    owner: it
"""

PRICES = """
version: "bench"
currency: USD
prices:
  - id: bench-model
    models: [bench-model]
    rates: {in_text_uncached: "2.50", in_cache_read: "0.25", out_text: "15", out_reasoning: as out_text}
"""

# Half of the rules of a real set are about other units: the index leaves them out. These ten are
# looked at in every call.
RULE_FOR_ALL = """
@id("bound-{number}")
@reason("Calls above {bound} tokens of output go to batch")
forbid (principal, action in Inference::Action::"use", resource is Inference::Model)
when {{ context.max_tokens > {bound} && !(context.purpose like "batch-*") }};
"""
RULE_FOR_ONE = """
@id("unit-{number}")
@reason("Unit {number} may use the models of group {number}")
{effect} (principal in Inference::BusinessUnit::"unit-{number}", action in Inference::Action::"use",
  resource in Inference::ModelGroup::"group-{number}")
when {{ principal.clearance >= context.data_class && context.weekday <= 5 }};
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(*words, **more):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True, **more).stdout


def bench_rules(have):
    """Cedar text that brings `have` policies up to POLICY_COUNT."""
    text = []
    for number in range(POLICY_COUNT - have):
        if number < 10:
            text.append(RULE_FOR_ALL.format(number=number, bound=100000 + number))
        else:
            text.append(RULE_FOR_ONE.format(number=number, effect="forbid" if number % 4 == 0 else "permit"))
    return "# generated by bench/load\n".replace("#", "//") + "".join(text)


def make_token():
    """An RS256 token of a usual size, its key set, and the key in PEM for HAProxy."""
    run(BUILD / "tollgate", "token", "keygen", "--alg", "RS256", "--out", FOLDER, "--kid", "bench")
    (FOLDER / "upstream.credential").write_text("bench-upstream-credential")
    run("openssl", "pkey", "-in", FOLDER / "bench.pem", "-pubout", "-out", FOLDER / "bench.pub")
    claims = {"bu": "risk", "team": "fraud", "project": "p1", "roles": '["analyst"]', "groups": '["standard"]',
              "clearance": "2", "region": "EU", "trainings": '["ai-act-deployer"]', "scope": "models:read models:use"}
    words = [word for name, value in claims.items() for word in ("--claim", f"{name}={value}")]
    return run(BUILD / "tollgate", "token", "issue", "--key", FOLDER / "bench.pem", "--kid", "bench", "--alg", "RS256",
               "--issuer", ISSUER, "--subject", "ana", "--audience", "tollgate", "--ttl", "12h", *words).strip()


class Process:
    """A child on a core of its own, with all its threads and children."""

    def __init__(self, name, command, core, folder):
        self.name = name
        self.log = open(folder / "log", "wb")
        pinned = ["taskset", "-c", str(core)] if core is not None else []
        self.process = subprocess.Popen(pinned + [str(word) for word in command], cwd=folder, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=subprocess.STDOUT)
        opened.append(self)

    def pids(self):
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            return [pid, *map(int, children.read().split())]

    def tasks(self):
        """Every thread of every process of it."""
        found = []
        for pid in self.pids():
            with contextlib.suppress(FileNotFoundError):
                found += [(pid, int(tid)) for tid in os.listdir(f"/proc/{pid}/task")]
        return found

    def cpu_ns(self):
        total = 0
        for pid, tid in self.tasks():
            with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/task/{tid}/schedstat") as text:
                total += int(text.read().split()[0])
        return total

    def cpu_ns_by_thread(self):
        found = {}
        for pid, tid in self.tasks():
            with contextlib.suppress(FileNotFoundError):
                name = Path(f"/proc/{pid}/task/{tid}/comm").read_text().strip()
                found[name] = found.get(name, 0) + int(Path(f"/proc/{pid}/task/{tid}/schedstat").read_text().split()[0])
        return found

    def rss_kib(self):
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/statm") as text:
                total += int(text.read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024
        return total

    def set_realtime(self, on):
        for _, tid in self.tasks():
            os.sched_setscheduler(tid, os.SCHED_RR if on else os.SCHED_OTHER, os.sched_param(1 if on else 0))

    def wait_port(self, port, seconds=20):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise SystemExit(f"bench: {self.name} does not listen; see {self.log.name}")

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


def close_all():
    while opened:
        opened.pop().close()


class Peer:
    """A proxy under test: a Process and where to reach it."""

    def __init__(self, name, command, core, folder, port, stream_port=None):
        self.name = name
        self.port = port
        self.stream_port = stream_port or port
        self.process = Process(name, command, core, folder)
        self.process.wait_port(port)


def fresh_folder(name):
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def start_upstream(core):
    process = Process("upstream", [BUILD / "bench/upstream", port := free_port()], core, fresh_folder("upstream"))
    process.wait_port(port)
    return process, port


def start_nginx(upstream, core):
    folder, port, stream_port = fresh_folder("nginx"), free_port(), free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, stream_port=stream_port, upstream=upstream))
    return Peer("nginx", ["nginx", "-p", folder, "-c", config, "-e", folder / "error.log"], core, folder, port,
                stream_port)


def start_haproxy(upstream, core):
    folder, port = fresh_folder("haproxy"), free_port()
    config = folder / "haproxy.cfg"
    config.write_text(HAPROXY.format(folder=folder, port=port, upstream=upstream, issuer=ISSUER))
    return Peer("haproxy", ["haproxy", "-db", "-f", config], core, folder, port)


def start_tollgate(upstream, core, prefix=()):
    folder, port = fresh_folder("tollgate"), free_port()
    (folder / "tollgate.yaml").write_text(TOLLGATE.format(port=port, upstream=upstream, issuer=ISSUER))
    (folder / "prices.yaml").write_text(PRICES)
    shutil.copy(TOP / "conf/entities.json", folder)
    shutil.copytree(TOP / "conf/policies", folder / "policies")
    have = sum(path.read_text().count("@id(") for path in (folder / "policies").glob("*.cedar"))
    (folder / "policies/generated.cedar").write_text(bench_rules(have))
    return Peer("tollgate", [*prefix, BUILD / "tollgate", "serve", "--config", folder / "tollgate.yaml"], core, folder,
                port)
