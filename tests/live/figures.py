"""Measures Castellan and Cursive beside longhand, against one Barbican behind one Keystone; prints tables in Markdown.

Run by `tests/live/run figures`. Requests are counted by the services. Times are taken in turn: each round asks everybody once.
"""
import base64
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import cursive_oracle
import services
from cursive import certificate_utils, signature_utils

HERE = pathlib.Path(__file__).resolve().parent
GUIDE = HERE.parent.parent / "test-vectors/walkthrough"
ROUNDS = 9

setting = {name: os.environ["LIVE_" + name] for name in (
    "FULL_KEYSTONE", "FULL_BARBICAN", "FULL_PASSWORD", "FULL_STATE", "FIGURES_PROGRAM")}


def log_in():
    user = {"name": "demo", "domain": {"id": "default"}, "password": setting["FULL_PASSWORD"]}
    headers, answer = services.call("POST", setting["FULL_KEYSTONE"] + "/auth/tokens", {"auth": {
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": {"project": {"name": "demo", "domain": {"id": "default"}}}}})
    return headers["X-Subject-Token"], answer["token"]["project"]["id"]


def store(token, path):
    _, answer = services.call("POST", setting["FULL_BARBICAN"] + "/v1/secrets", {
        "name": "figures", "secret_type": "certificate", "payload": base64.b64encode(path.read_bytes()).decode(),
        "payload_content_type": "application/octet-stream", "payload_content_encoding": "base64"}, X_Auth_Token=token)
    return answer["secret_ref"].rsplit("/", 1)[1]


def requests_so_far():
    """What clients asked for. That Barbican asks Keystone whose token it got is not the client's doing."""
    lines = []
    for service in ("keystone", "barbican"):
        lines += (pathlib.Path(setting["FULL_STATE"]) / (service + ".requests")).read_text().splitlines()
    return sum(line != "GET /v3/auth/tokens" for line in lines)


def counted(ask):
    before = requests_so_far()
    ask()
    return requests_so_far() - before


class Longhand:
    """Our program: it answers a question with the seconds that it took."""

    def __init__(self, where):
        self.process = subprocess.Popen([setting["FIGURES_PROGRAM"], json.dumps(where)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def ask(self, question):
        print(question, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())


def main():
    token, project = log_in()
    nova = GUIDE / "nova/certs"
    signing = store(token, nova / "125e6199-2de4-46e3-b091-8e2401ef0d63.crt")
    authorities = [path for path in sorted(nova.iterdir()) if not path.name.startswith("125e6199")]
    other = next((GUIDE / "glance/certs").iterdir())
    trusted = [store(token, path) for path in authorities + [other] * 47]
    properties = json.loads((GUIDE / "nova/properties.json").read_text())["properties"]

    cursive_oracle.configure({"key_manager": {"backend": "barbican"}, "barbican": {
        "barbican_endpoint": setting["FULL_BARBICAN"], "auth_endpoint": setting["FULL_KEYSTONE"]}})
    contexts = {
        "as Nova asks it": cursive_oracle.request_context({"token": token}),
        "as Glance asks it": cursive_oracle.request_context({"token": token, "keystone": {"project_id": project}}),
    }
    longhand = Longhand({"barbican": setting["FULL_BARBICAN"], "token": token, "signing": signing, "trusted": trusted})

    def one(context):
        return lambda: signature_utils.get_certificate(context, signing)

    def fifty(context):
        def begin():
            signature_utils.get_verifier(
                context, signing, properties["img_signature_hash_method"], properties["img_signature"],
                properties["img_signature_key_type"])
            certificate_utils.verify_certificate(context, signing, trusted)
        return begin

    def timed(ask):
        def measured():
            begun = time.perf_counter()
            ask()
            return time.perf_counter() - begun
        return measured

    longhand.ask("cached")  # fills the cache; and the middleware of Barbican has a token of its own
    rows = [("Castellan and Cursive, " + name, one(context), fifty(context)) for name, context in contexts.items()]
    ours = [("longhand, one after the other", "waiting"), ("longhand, awaited together", "awaited"),
            ("longhand, from its cache", "cached")]
    print("| | requests for one certificate | requests for an image with 50 trusted ids |")
    print("| --- | --- | --- |")
    for name, ask_one, ask_fifty in rows:
        print("| %s | %d | %d |" % (name, counted(ask_one), counted(ask_fifty)))
    for name, question in ours:
        first = 0 if question == "cached" else counted(lambda: longhand.ask("one"))
        print("| %s | %d | %d |" % (name, first, counted(lambda: longhand.ask(question))))

    asked = [(name, timed(ask)) for name, _, ask in rows]
    asked += [(name, lambda question=question: longhand.ask(question)) for name, question in ours]
    times = {name: [] for name, _ in asked}
    for _ in range(ROUNDS):
        for name, ask in asked:
            times[name].append(ask())
    print("\n| an image with 50 trusted ids, to the decision before its first byte | median | least | most |")
    print("| --- | --- | --- | --- |")
    for name, seconds in times.items():
        cells = [statistics.median(seconds), min(seconds), max(seconds)]
        print("| %s | %s |" % (name, " | ".join("%.1f ms" % (cell * 1000) for cell in cells)))
    print("\n%d rounds, each asking everybody once; Barbican %s on one thread" % (ROUNDS, "23.0.0"))


if __name__ == "__main__":
    sys.exit(main())
