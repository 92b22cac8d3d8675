"""Serves one OpenStack API on loopback.

    serve.py barbican|keystone|glance PORT STATE

STATE/etc has the configuration, as services.py writes it. Prints "ready" when the socket listens; each request is one line
of STATE/SERVICE.requests.
"""
import os
import pathlib
import sys


def identity_of_token(global_conf, **local_conf):
    """A paste filter in the place of keystonemiddleware's authtoken, where there is no Keystone: the token PROJECT:USER:ROLE
    is that user's in that project with that role; without one the answer is what keystonemiddleware answers."""
    def around(app):
        def wsgi(environ, start_response):
            identity = environ.get("HTTP_X_AUTH_TOKEN", "").split(":")
            if len(identity) != 3:
                start_response("401 Unauthorized", [
                    ("Content-Type", "application/json"), ("WWW-Authenticate", 'Keystone uri="http://127.0.0.1"')])
                return [b'{"error": {"code": 401, "title": "Unauthorized", "message": '
                        b'"The request you have made requires authentication."}}']
            project, user, role = identity
            environ.update(HTTP_X_IDENTITY_STATUS="Confirmed", HTTP_X_PROJECT_ID=project, HTTP_X_USER_ID=user,
                           HTTP_X_ROLES=role)
            return app(environ, start_response)
        return wsgi
    return around


def noted(app, path):
    """The application, each of whose requests is a line of a file."""
    notes = open(path, "a", buffering=1)

    def wsgi(environ, start_response):
        notes.write("%s %s\n" % (environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        return app(environ, start_response)
    return wsgi


def application(service, etc):
    if service == "barbican":
        # Its configuration is read when it is imported, from the home folder and the system's alone.
        os.environ["HOME"] = str(etc)
        from paste import deploy
        return deploy.loadapp("config:%s" % (etc / "barbican-api-paste.ini"))
    if service == "keystone":
        os.environ["OS_KEYSTONE_CONFIG_DIR"] = str(etc / "keystone")
        from keystone.wsgi.api import application as keystone
        return keystone
    os.environ["OS_GLANCE_CONFIG_DIR"] = str(etc / "glance")
    from glance.wsgi.api import application as glance
    return glance


def main():
    service, port, state = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
    sys.argv = [service]  # the services read their options from it
    app = noted(application(service, state / "etc"), state / ("%s.requests" % service))
    import waitress
    # One thread: of requests that write to SQLite at the same time some fail at once, "database is locked".
    server = waitress.create_server(app, host="127.0.0.1", port=port, threads=1)
    print("ready", flush=True)
    server.run()


if __name__ == "__main__":
    main()
