"""Which tables a statement touches: rather too many than too few."""

from pathlib import Path

import pytest
from django.db import connections

from cachewise.sim.project.databases.tables import Schema
from cachewise.sim.project.watch import ALL_TABLES
from tests.sim.project.databases.stage import FAMILIES, private

FOLLOWING = """CREATE TABLE line (id integer PRIMARY KEY, shop_order_id integer
    REFERENCES shop_order (id) ON DELETE CASCADE)"""
TRIGGER = {
    "sqlite": ["CREATE TRIGGER t AFTER INSERT ON audited BEGIN UPDATE shop_order SET price = 1; END"],
    "postgres": [
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM shop_order; RETURN NEW; END'",
        "CREATE TRIGGER t AFTER INSERT ON audited FOR EACH ROW EXECUTE FUNCTION f()",
        "CREATE FUNCTION cheapest() RETURNS integer LANGUAGE sql AS 'SELECT min(price) FROM shop_product'",
        "CREATE TABLE parted (id integer, year integer) PARTITION BY LIST (year)",
        "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1)",
    ],
}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_tables(family: str, tmp_path: Path) -> None:
    """By name; views stand for their tables; triggers and cascades reach further; what changes the schema is all."""
    with private(family, tmp_path) as places, connections["default"].cursor() as cursor:
        for sql in (
            *(FOLLOWING, "CREATE TABLE audited (id integer)", 'CREATE TABLE "Odd name" (id integer)'),
            "CREATE VIEW cheap AS SELECT * FROM shop_product WHERE price < 5",
            "CREATE VIEW both_of AS SELECT c.id FROM cheap c JOIN line l ON l.id = c.id",
            *TRIGGER[family],
        ):
            cursor.execute(sql)
        schema = Schema(places["default"])

        def tables(sql: str) -> set[str]:
            return set(schema.nature(sql).tables)

        assert tables('SELECT "shop_product"."id" FROM "shop_product" WHERE id = %s') == {"shop_product"}
        assert tables("select ID from SHOP_PRODUCT, line") == {"shop_product", "line"}
        assert tables("SELECT 1") == set()
        assert tables("SELECT * FROM shop_products_old") == set()
        assert tables('SELECT id FROM "Odd name"') == {"Odd name"}
        assert tables("SELECT id FROM cheap") == {"shop_product"}
        assert tables("SELECT id FROM both_of") == {"shop_product", "line"}
        assert tables("SELECT id FROM audited") == {"audited"}
        assert tables("INSERT INTO audited VALUES (1)") == ALL_TABLES
        assert tables("DELETE FROM shop_order") == {"shop_order", "line"}
        assert tables("DELETE FROM line") == {"line"}
        assert tables("UPDATE shop_product SET price = (SELECT max(price) FROM shop_order)") >= {"shop_product"}
        assert tables("ALTER TABLE line ADD COLUMN more integer") == ALL_TABLES
        assert schema.nature("SELECT id FROM both_of").views
        assert not schema.nature("SELECT id FROM line").views
        if family == "postgres":
            assert schema.nature("SELECT cheapest()")[:2] == ("write", ALL_TABLES)
            assert tables("INSERT INTO parted VALUES (1, 1)") == {"parted", "parted_1"}
            assert tables("UPDATE parted_1 SET id = 2") == {"parted", "parted_1"}


@pytest.mark.servers
def test_a_view_that_asks_postgres_for_the_time(tmp_path: Path) -> None:
    """Itself, and what is made of it; a date that is computed from a row is none."""
    with private("postgres", tmp_path) as places, connections["default"].cursor() as cursor:
        for sql in (
            "CREATE VIEW due AS SELECT id FROM shop_product WHERE price < extract(epoch FROM now())",
            "CREATE VIEW all_due AS SELECT d.id FROM due d JOIN shop_order o ON o.id = d.id",
            "CREATE VIEW dated AS SELECT id, date(to_timestamp(price)) AS day FROM shop_product",
        ):
            cursor.execute(sql)
        schema = Schema(places["default"])
        assert schema.nature("SELECT id FROM due").real_time
        assert schema.nature("SELECT id FROM all_due").real_time
        assert not schema.nature("SELECT id, day FROM dated").real_time
