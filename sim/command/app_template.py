"""The template for an own app's experiment: its models, URL names and cache settings, and a first guess at the rest."""

import json
import keyword
from collections.abc import Iterator, Mapping, Sequence
from textwrap import indent, wrap

from ..app.sketch import Field, Model, Route, Sketch

ROWS = 100  # of each model
CHANGING = ("add", "create", "delete", "edit", "update", "remove", "change", "login", "logout", "new")
NUMBERS = ("Integer", "Decimal", "Float")
USER = "User"  # the name of Django's own model of users, or of the project's


def experiment_text(settings: str, sketch: Sketch, file: str, env: Mapping[str, str]) -> str:
    """Return the text of a first experiment, whose settings need *env*."""
    makers, left_out = _makers(sketch.models)
    made = [model for model, _ in makers]
    reads = [*_reads(sketch.routes, made)]
    writes = _write(made)
    parts = [
        _head(settings, sketch, makers, reverses=bool(reads)),
        _comments(sketch),
        _app(settings, env),
        _fill(makers, left_out),
    ]
    parts += reads or [_read_example()]
    parts += [writes, _tail(sketch)]
    text = "\n\n\n".join(part.strip("\n") for part in parts if part) + "\n"
    return text.replace("FILE", file, 1)


def _head(settings: str, sketch: Sketch, makers: Sequence[tuple[Model, str]], *, reverses: bool) -> str:
    modules: dict[str, list[str]] = {}
    for model in sketch.models:
        if any(model is one for one, _ in makers):
            modules.setdefault(model.module, []).append(model.name)
    imports = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(modules.items())]
    django = ["from django.utils import timezone"] if any("timezone." in maker for _, maker in makers) else []
    if any(_rows_of(USER) in maker for _, maker in makers):
        django.insert(0, "from django.contrib.auth import get_user_model")
    if reverses:
        django.append("from django.urls import reverse")
    return "\n".join(
        [
            f'"""How outdated are the pages of {settings}, and what does its cache save?',
            "",
            "Run it:    cachewise run FILE",
            "",
            "Everything at REPLACE is a guess. The file is imported after Django's set-up, with private databases.",
            '"""',
            "",
            *sorted(django),
            *imports,
            "",
            "from cachewise import App, Scenario",
        ]
    )


def _comments(sketch: Sketch) -> str:
    """Return comments on what is in the project, without the addresses of caches."""
    lines = ["# Caches (without --backend, each is simulated as its own kind, on a private server):"]
    for alias, entry in sketch.caches.items():
        lines.append(f"#     {alias}: {entry.get('BACKEND', '')}")
        lines += [f"#         {name} {value!r}" for name, value in entry.items() if name not in ("BACKEND", "OPTIONS")]
        lines += [f"#         OPTIONS: {name}" for name in entry.get("OPTIONS", ())]
    lines += [f"#     middleware: {one}" for one in sketch.middleware]
    if sketch.session_cache:
        lines.append(f"#     sessions are kept in {sketch.session_cache!r}: {sketch.sessions}")
    lines.append(f"# Databases: {sketch.family}{', with ATOMIC_REQUESTS' if sketch.atomic_requests else ''}")
    if sketch.models:
        lines.append("# Models:")
        lines += [f"#     {one.module}.{one.name}: {', '.join(f.name for f in one.fields)}" for one in sketch.models]
    if sketch.routes:
        lines.append("# URL names:")
        lines += [f"#     {one.name}: /{one.pattern}" for one in sketch.routes]
    return "\n".join(one for line in lines for one in _wrapped(line))


def _wrapped(line: str) -> list[str]:
    """Return a comment in lines of a readable width."""
    return wrap(line, 120, subsequent_indent="#         ", break_long_words=False, break_on_hyphens=False)


def _app(settings: str, env: Mapping[str, str]) -> str:
    name = settings.split(".", maxsplit=1)[0]
    needed = "".join(f"    {json.dumps(one)}: {json.dumps(value)},\n" for one, value in env.items())
    app = f'App("{settings}", env={{\n{needed}}})' if env else f'App("{settings}")'
    says = "REPLACE: environment variables that the settings need" if env else "Environment variables for the settings"
    return f"""\
# {says} go here: env={{"STRIPE_KEY": "none"}}.
APP = {app}

# REPLACE: your machines, and the time of a database query (seconds; median and sigma of a lognormal).
SCENARIO = Scenario("{name}", duration_s=300, workers=4, threads=4, db_read_s="lognormal:0.003:0.5")"""


def _makers(models: Sequence[Model]) -> tuple[list[tuple[Model, str]], list[Model]]:
    """Return the models whose rows can be created, each with its line of code, in a working order; and the others."""
    made: list[tuple[Model, str]] = []
    left = list(models)
    known = {USER}
    while True:
        ready = [one for one in left if (one.name != USER) and _maker(one, known)]
        if not ready:
            return made, left
        made.append((ready[0], _maker(ready[0], known)))
        known.add(ready[0].name)
        left.remove(ready[0])


def _maker(model: Model, known: set[str]) -> str:
    """Return the line that creates rows of *model*; '' if that cannot be guessed."""
    values = {field.name: _value(field, known) for field in model.fields if field.needed}
    if not all(values.values()):
        return ""
    given = ", ".join(f"{name}={value}" for name, value in values.items())
    return f"{_rows_of(model.name)} = [{model.name}.objects.create({given}) for n in range({ROWS})]"


def _rows_of(model: str) -> str:
    return f"{model.lower()}_rows"


def _value(field: Field, known: set[str]) -> str:
    """Return the expression for a field of the n-th row; '' if it cannot be guessed."""
    if field.first is not None:
        return repr(field.first)
    if field.to:
        place = "n" if field.unique else f"n % {ROWS}"
        return f"{_rows_of(field.to)}[{place}]" if field.to in known else ""
    if any(kind in field.kind for kind in NUMBERS):
        return "n + 1"
    by_kind = {
        "BooleanField": "True",
        "DateField": "timezone.now().date()",
        "DateTimeField": "timezone.now()",
        "JSONField": "{}",
        "TextField": f'f"{field.name} {{n}}"',
    }
    if field.kind in ("CharField", "SlugField"):
        long = field.most is None or field.most >= len(field.name) + 5
        return f'f"{field.name}-{{n}}"' if long else f'f"{{n}}"[:{field.most}]'
    return by_kind.get(field.kind, "")


def _fill(makers: Sequence[tuple[Model, str]], left_out: Sequence[Model]) -> str:
    body = ['"""REPLACE: create about as many rows as you have, or write App(..., fill="fixture.json")."""']
    if any(_rows_of(USER) in line for _, line in makers):
        made = f'[get_user_model().objects.create_user(f"user{{n}}") for n in range({ROWS})]'
        body.append(f"{_rows_of(USER)} = {made}")
        left_out = [one for one in left_out if one.name != USER]
    body += [line for _, line in makers]
    body += [f"# REPLACE: rows of {one.name}" for one in left_out]
    return f"@APP.fill\ndef fill():\n{indent(chr(10).join(body), '    ')}"


def _reads(routes: Sequence[Route], models: Sequence[Model]) -> Iterator[str]:
    """Yield read functions for the URLs whose arguments can be guessed from their names."""
    for route in routes:
        words = route.name.lower().replace(":", "_").replace("-", "_").split("_")
        if any(word in CHANGING for word in words):
            continue
        func = "_".join(word for word in words if word)
        if not func.isidentifier() or keyword.iskeyword(func):
            continue
        if not route.arguments:
            head = f"# REPLACE: how often\n@APP.read(per_s=50)\ndef {func}(client):"
            yield f'{head}\n    return client.get(reverse("{route.name}"))'
        elif (model := _model_of(route, words, models)) is not None:
            name = route.arguments[0][0]
            field = "pk" if name in ("pk", "id") else name
            yield (
                f"# REPLACE: how often\n"
                f'@APP.read(per_s=50, args=lambda: {model.name}.objects.values_list("{field}", flat=True), '
                f'popularity="zipf:1.0")\n'
                f"def {func}(client, {name}):\n"
                f'    return client.get(reverse("{route.name}", kwargs={{"{name}": {name}}}))'
            )


def _model_of(route: Route, words: Sequence[str], models: Sequence[Model]) -> Model | None:
    """Return the model whose rows a URL with one argument shows, if it can be guessed from the names."""
    if len(route.arguments) != 1:
        return None
    name = route.arguments[0][0]
    fitting = [one for one in models if name in ("pk", "id") or any(name == field.name for field in one.fields)]
    return next((one for one in fitting if one.name.lower() in words), None)


def _read_example() -> str:
    head = "@APP.read(per_s=50)  # REPLACE: a page of yours, and how often it is read"
    return f'{head}\ndef page(client):\n    return client.get("/")'


def _write(models: Sequence[Model]) -> str:
    for model in models:
        for field in model.fields:
            number = any(kind in field.kind for kind in NUMBERS)
            text = field.kind in ("CharField", "TextField") and not field.unique and field.first is None
            if field.name == "id" or field.to or not (number or text):
                continue
            name = model.name.lower()
            change = f"{name}.{field.name} += 1" if number else f"{name}.{field.name} = {name}.{field.name}[::-1]"
            return (
                f'@APP.write(per_s=0.5, args=lambda: {model.name}.objects.values_list("pk", flat=True))\n'
                f"def change_{name}(client, pk):\n"
                f'    """REPLACE: client.post(...) to the view that changes it, so that its own code runs."""\n'
                f"    {name} = {model.name}.objects.get(pk=pk)\n    {change}\n    {name}.save()"
            )
    return "# REPLACE: a function that changes rows.\n# @APP.write(per_s=0.5, args=...)\n# def change(client, pk): ..."


def _tail(sketch: Sketch) -> str:
    lines = [
        "# Variants that compete with 'as it is' and 'no cache':",
        '# APP.variant("60 s", timeouts={"*": 60})  # by pattern of keys',
        '# APP.variant("other settings", settings=lambda s: {"CACHE_MIDDLEWARE_SECONDS": 60})',
        '# @APP.variant("other code")  # called when the URLconf has been loaded',
        "# def other_code(): ...",
        "#",
        "# For pages of logged-in users: @APP.read(per_s=10, users=100), whose function gets (client, user);",
        "# @APP.journey(per_s=1, users=100) for the steps of one user; @APP.at(60) for something that happens once.",
    ]
    if not sketch.session_cache:
        lines.append("# For keys that hold the only copy of something, such as carts: APP.store('cart:*').")
    return "\n".join(lines)
