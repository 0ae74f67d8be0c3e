"""The one place that reaches into Mesa: children made known to a model without registering them one by one."""

from __future__ import annotations

from cradlecast.model.child import Child
from cradlecast.model.childset import ChildSet
from cradlecast.model.town import Town


def as_mesa(model: Town) -> ChildSet:
    """The set of all children of a model, which ``model.agents_by_type[Child]`` answers with from then on.

    Mesa keeps a set of agents for each type in a dictionary of its own and fills it as agents register. Children do not
    register, so their set is put there. ``model.agents`` stays as it is: the institutions, sites and schools, which are
    ordinary agents. Asked again, the same set is given.

    Parameters
    ----------
    model
        A model that keeps its children as columns (``Pipeline``).

    Raises
    ------
    TypeError
        If the model keeps its children otherwise: those of ``ObjectPipeline`` are Mesa agents as they stand.
    RuntimeError
        If this Mesa keeps agents by type in another way.
    """
    known: ChildSet | None = model.agents_by_type.get(Child)
    if known is not None:
        return known
    if model.columns() is not model.columns():
        raise TypeError(
            f"{type(model).__name__} does not keep its children as columns; its agents are children already"
        )
    children = ChildSet.of(model)
    by_type = getattr(model, "_agents_by_type", None)
    if isinstance(by_type, dict):
        by_type[Child] = children
    if model.agents_by_type.get(Child) is None:
        raise RuntimeError("this version of Mesa does not keep agents by type as 3.5 does; see model/mesa_compat.py")
    return children
