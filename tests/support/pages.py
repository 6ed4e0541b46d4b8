"""The pages of ``docs/`` that are generated: ``PYTHONPATH=tests python -m support.pages`` (``make docs``) writes them.

A test compares them with what the code says today.
"""

import ast
import inspect
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Final

from pfcng.contract.catalogue import CONDITIONAL_ELEMENTS, PRODUCTS, TABLE_11, Presence
from pfcng.contract.codes import CODES, RMT_ERRORS
from pfcng.domain import states
from pfcng.domain.states import DemandeState, ProduitState, RevocationState, Transition
from pfcng.notifications.catalogue import FOR_INFORMATION, Notification
from pfcng.settings.example import Setting, settings
from pfcng.watch.metrics import DECLARED
from support.couverture import CASE, ROOT, Row, tables
from support.golden import Case, cases, reasons

_CASES: Final = "../tests/contract/cas"
_GENERATED: Final = "Page générée par `make docs` à partir de {source} : ne la modifiez pas."


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    lines = [list(headings), *(list(row) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def _text(text: str) -> str:
    """A text of the register: ``<raison>`` is no tag."""
    return text.replace("<", "&lt;")


def _links(found: Iterable[Case]) -> str:
    return "<br>".join(f"[{case.name}]({_CASES}/{case.name})" for case in found)


def states_page() -> str:
    """The table of transitions, and its diagram."""
    steps = [(transition, transition.value) for transition in Transition]
    pairs = list(dict.fromkeys(pair for _, step in steps for pair in zip(step.demande, step.produit, strict=True)))
    rows = ((f"`{t.name}`", _change(step.demande), _change(step.produit), _docstrings()[t.name]) for t, step in steps)
    ends = [state for state in RevocationState if state is not RevocationState.ENREGISTREE]
    return "\n".join(
        [
            "# States\n",
            "Generated from `domain/states.py` by `make docs`: do not edit. What is committed when is in",
            "[life-of-a-demande.md](life-of-a-demande.md).\n",
            "## A demande and its produit\n",
            "A transition is a compare-and-set: it moves what is in the states before, and nothing else.\n",
            _table(("Transition", "Demande", "Produit", "Cause"), rows),
            "```mermaid",
            "stateDiagram-v2",
            *(f'    state "{d}<br/>{p}" as {_node(d, p)}' for d, p in pairs),
            f"    [*] --> {_node(*pairs[0])}",
            *(f"    {_node(*before)} --> {_node(*after)}: {t.name}" for t, before, after in _arrows()),
            "```\n",
            "## A demande de révocation\n",
            "```mermaid",
            "stateDiagram-v2",
            *(f'    state "{state}" as {state.name}' for state in RevocationState),
            f"    [*] --> {RevocationState.ENREGISTREE.name}",
            *(f"    {RevocationState.ENREGISTREE.name} --> {state.name}" for state in ends),
            "```\n",
        ]
    )


_Pair = tuple[DemandeState, ProduitState]


def _arrows() -> Iterable[tuple[Transition, _Pair, _Pair]]:
    for transition in Transition:
        before, after = zip(transition.value.demande, transition.value.produit, strict=True)
        yield transition, before, after


def _change(ends: tuple[str, str]) -> str:
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} → {ends[1]}"


def _node(demande: DemandeState, produit: ProduitState) -> str:
    return f"{demande.name}__{produit.name}"


def _docstrings() -> dict[str, str]:
    """The sentence below each transition in the source."""
    [body] = [
        node.body
        for node in ast.parse(inspect.getsource(states)).body
        if isinstance(node, ast.ClassDef) and node.name == Transition.__name__
    ]
    found = {}
    for member, text in pairwise(body):
        if isinstance(member, ast.Assign) and isinstance(member.targets[0], ast.Name):
            assert isinstance(text, ast.Expr)
            found[member.targets[0].id] = ast.literal_eval(text.value)
    return found


def codes_page() -> str:
    """Table 22 and chapter 20, each with the cases that show it."""
    known, why = cases(), reasons()
    return "\n".join(
        [
            "# Les codes d’erreur\n",
            _GENERATED.format(source="`contract/codes.py`"),
            "Chaque cas est un dossier : la requête, et la réponse entière attendue.\n",
            "## Codes du Web Service (guide §19, tableau 22)\n",
            _table(
                ("Code", "Texte", "Guide", "Provoqué par"),
                (
                    (
                        c.value,
                        _text(c.text),
                        c.section,
                        why.get(c.value) or _links(k for k in known if c.value in k.codes),
                    )
                    for c in CODES.values()
                ),
            ),
            "## Erreurs transverses (guide §20)\n",
            "Elles sont la `<raison>` des codes ci-dessus.\n",
            _table(
                ("Erreur", "Texte", "Guide", "Montrée par"),
                (
                    (e.value, _text(e.text), e.section, _links(k for k in known if e.value in k.section))
                    for e in RMT_ERRORS.values()
                ),
            ),
        ]
    )


def table_11_page() -> str:
    """Which element each product requires, allows or forbids."""
    shown = {Presence.OBLIGATOIRE: "obligatoire", Presence.FACULTATIF: "facultatif", Presence.INTERDIT: "–"}
    return "\n".join(
        [
            "# Ce qu’il faut donner pour chaque produit\n",
            _GENERATED.format(source="`contract/catalogue.py` (guide §14.1, tableau 11)"),
            "Un tiret : l’élément est interdit. `offre`, `gamme`, `usage`, `mailPersonneAInformer`, `CSR` et",
            "`mailDemandeur` sont toujours obligatoires ; `idNatTiers` est pour un AdminASIP.\n",
            _table(
                ("Produit", *(f"`{name}`" for name in CONDITIONAL_ELEMENTS)),
                (
                    (product.label, *(shown[TABLE_11[product][name]] for name in CONDITIONAL_ELEMENTS))
                    for product in PRODUCTS
                ),
            ),
        ]
    )


def couverture_page() -> str:
    """Which tests hold each row of the guide."""
    parts = [
        "# Quel test tient quelle ligne du guide\n",
        _GENERATED.format(source="`docs/couverture.toml`"),
        "Un test vérifie que chaque ligne est là et que chaque test nommé existe.\n",
    ]
    for table in tables():
        parts.append(f"## {table.title}\n")
        parts.append(_table(("Ligne", "Tests"), ((f"`{row.name}`", _told(row)) for row in table.rows)))
    return "\n".join(parts)


def _told(row: Row) -> str:
    return row.reason or "<br>".join(_named(test) for test in row.tests)


def _named(test: str) -> str:
    if test.startswith(CASE):
        name = test.removeprefix(CASE)
        return f"cas [{name}]({_CASES}/{name})"
    file, _, function = test.partition("::")
    return f"[{Path(file).stem}](../{file}) `{function}`"


def notifications_page() -> str:
    """Every mail: when, to whom, with which subject, from which templates."""
    folder = "../src/pfcng/notifications/templates"
    return "\n".join(
        [
            "# Les courriels\n",
            _GENERATED.format(source="`notifications/catalogue.py`"),
            "Comment ils partent, et comment remplacer un texte : [courrier.md](courrier.md).\n",
            "Chaque courriel va à `mailDemandeur` et, avec l’objet précédé de `" + FOR_INFORMATION.strip() + "`, à",
            "`mailPersonneAInformer`. L’objet est celui du guide à la lettre (§14.3 à §17.3) ; pour les NMG, dont il",
            "ne donne pas l’objet, il en suit la forme. NMG-013 est des canaux qui enregistrent de façon asynchrone :",
            "le Web Service ne l’envoie pas.\n",
            _table(
                ("Code", "Guide", "Quand", "Destinataires", "Objet", "Modèles"),
                (
                    (
                        f"`{n.code}`",
                        n.value.section,
                        n.value.trigger,
                        ", ".join(f"`{role}`" for role in n.value.recipients),
                        _text(n.value.subject.replace("{", "<").replace("}", ">")),
                        " ".join(f"[{kind}]({folder}/{n.value.template}.{kind}.j2)" for kind in ("txt", "html")),
                    )
                    for n in Notification
                ),
            ),
        ]
    )


_REGLAGES: Final = """\
`pfcng serve`, `pfcng worker` et `pfcng migrer` lisent le même fichier TOML (`--config`). Les chemins partent de son
dossier. L’environnement l’emporte sur le fichier : `PFCNG_DSN`, `PFCNG_SERVEUR__CLE` (deux soulignés pour entrer
dans une table) ; une liste ou une table s’y écrit en JSON, et ses chemins partent du dossier courant. Une variable
`PFCNG_…` qui n’est aucun réglage est refusée, nommée : une faute de frappe ne passe pas en silence.

```console
pfcng config exemple > pfcng.toml     # tous les réglages, commentés
pfcng config verifier pfcng.toml      # toutes les fautes en une fois, sans rien démarrer
```

Ce qui est refusé au démarrage : un fichier de clé, de PIN ou de mot de passe ouvert à tous les comptes de la machine
(`chmod o=`), la clé d’une autorité de bac à sable, `courrier.mot_de_passe` dans le fichier, un mot de passe dans
`dsn` quand le fichier est ouvert à tous, une base qui n’est pas à la révision attendue (`pfcng migrer`).

Sans défaut, un réglage est obligatoire ; « – » : rien.
"""


def reglages_page() -> str:
    """Every setting of a platform."""
    listed = list(settings())
    parts = [
        "# Les réglages de la plateforme\n",
        _GENERATED.format(source="`pfcng/settings/`"),
        "",
        _REGLAGES,
        _settings_table([one for one in listed if "." not in one.path and not one.is_table]),
    ]
    for table in (one for one in listed if one.is_table):
        parts += [f"## `{table.path}`\n", f"{table.text}{' Plusieurs tables.' if table.is_list else ''}\n"]
        inside = [one for one in listed if one.path.startswith(f"{table.path}.")]
        same = next((one.path for one in listed if one.is_list and one.model is table.model), table.path)
        parts.append(f"Comme [`{same}`](#{same}).\n" if same != table.path else _settings_table(inside))
    return "\n".join(parts)


def _settings_table(listed: Iterable[Setting]) -> str:
    rows = ((f"`{one.name}`", _text(one.text), _default(one)) for one in listed)
    return _table(("Réglage", "Sens", "Défaut"), rows)


def _default(one: Setting) -> str:
    if one.is_required:
        return "obligatoire"
    return f"`{one.default}`" if one.default and one.default != "[]" else "–"


def metriques_page() -> str:
    """Every metric."""
    return "\n".join(
        [
            "# Les métriques\n",
            _GENERATED.format(source="`watch/metrics.py`"),
            "Comment les lire : [surveillance.md](surveillance.md) ; que faire d’une alerte :",
            "[depannage.md](depannage.md#les-alertes).\n",
            _table(
                ("Métrique", "Type", "Étiquettes", "Sens"),
                (
                    (f"`{m.name}`", m.kind, ", ".join(f"`{label}`" for label in m.labels) or "–", _text(m.help))
                    for m in DECLARED
                ),
            ),
        ]
    )


PAGES: Final[dict[Path, Callable[[], str]]] = {
    ROOT / "docs" / "states.md": states_page,
    ROOT / "docs" / "codes.md": codes_page,
    ROOT / "docs" / "table-11.md": table_11_page,
    ROOT / "docs" / "couverture.md": couverture_page,
    ROOT / "docs" / "notifications.md": notifications_page,
    ROOT / "docs" / "exploitation" / "reglages.md": reglages_page,
    ROOT / "docs" / "exploitation" / "metriques.md": metriques_page,
}


def main() -> None:
    """Write every page."""
    for path, page in PAGES.items():
        path.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
