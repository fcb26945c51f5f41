-- Routes of the settings file withhold alerts, too: of products with too high a priority number, and of a kind of change that
-- nobody asked for.
ALTER TABLE bestseller_changes DROP CONSTRAINT bestseller_changes_withheld_check;
ALTER TABLE bestseller_changes ADD CONSTRAINT bestseller_changes_withheld_check
    CHECK (withheld IN ('muted', 'no_slack', 'earlier', 'priority', 'trigger'));
COMMENT ON COLUMN bestseller_changes.withheld IS
    'why nobody is told: muted, no_slack (not configured), priority or trigger (of its route), earlier (before the upgrade that added this); NULL = told, or to be told';
