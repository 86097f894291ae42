-- Every process hears when assets or instruments change, whoever changes them, and reads them again.

CREATE FUNCTION announce_catalog_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('coinsphere_catalog', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER assets_added AFTER INSERT OR DELETE ON assets
    FOR EACH ROW EXECUTE FUNCTION announce_catalog_change();
CREATE TRIGGER assets_changed AFTER UPDATE ON assets
    FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION announce_catalog_change();
CREATE TRIGGER instruments_added AFTER INSERT OR DELETE ON instruments
    FOR EACH ROW EXECUTE FUNCTION announce_catalog_change();
CREATE TRIGGER instruments_changed AFTER UPDATE ON instruments
    FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION announce_catalog_change();
