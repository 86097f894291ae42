-- Transactions belong to an account of their portfolio, which one key says instead of two: of the time of a large
-- import, checking keys was a third. An import's transactions are removed with it by the statement that undoes it.
ALTER TABLE portfolio_accounts ADD UNIQUE (portfolio_id, id);
ALTER TABLE portfolio_transactions
    DROP CONSTRAINT portfolio_transactions_portfolio_id_fkey,
    DROP CONSTRAINT portfolio_transactions_account_id_fkey,
    DROP CONSTRAINT portfolio_transactions_to_account_id_fkey,
    DROP CONSTRAINT portfolio_transactions_import_id_fkey,
    ADD FOREIGN KEY (portfolio_id, account_id)
        REFERENCES portfolio_accounts (portfolio_id, id) ON DELETE CASCADE,
    ADD FOREIGN KEY (portfolio_id, to_account_id)
        REFERENCES portfolio_accounts (portfolio_id, id) ON DELETE CASCADE;
DROP INDEX portfolio_transactions_by_import;

-- Of a transfer that was booked in place of a withdrawal and a deposit: the import that brought the deposit.
ALTER TABLE portfolio_transactions ADD COLUMN deposit_import_id uuid;

-- Each import keeps the prices that it brought: the newest import's counts, and undoing it leaves those before.
ALTER TABLE portfolio_imports ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY;
ALTER TABLE portfolio_prices
    DROP CONSTRAINT portfolio_prices_pkey,
    ADD PRIMARY KEY (portfolio_id, asset, day, import_id);
