namespace ControlPlane.Storage;

/// <summary>
/// Schema version 7, of SQLite alone: how a process sees that an agent's token is good no more without looking for it, whoever took it away.
/// PostgreSQL has neither table nor triggers: there each request looks. Released: never edited again.
/// </summary>
/// <remarks>
/// The mark becomes another one in the transaction that takes a token away or gives it to another agent. It is random rather than counted, so that a
/// file put in the place of another has another one too. An insertion takes nothing away: agents may come and go by the second without a look
/// at all others. (Nothing here says <c>REPLACE</c>, which would delete with no trigger.)
/// </remarks>
internal static class AgentTokenSchema
{
    public const string Sql = """
        CREATE TABLE agent_token_mark (
            id   INTEGER PRIMARY KEY CHECK (id = 1),
            mark INTEGER NOT NULL
        ) STRICT;

        INSERT INTO agent_token_mark (id, mark) VALUES (1, random());

        CREATE TRIGGER workspace_agents_deleted AFTER DELETE ON workspace_agents
        BEGIN
            UPDATE agent_token_mark SET mark = random();
        END;

        CREATE TRIGGER workspace_agents_token_changed AFTER UPDATE OF id, hashed_auth_token ON workspace_agents
        BEGIN
            UPDATE agent_token_mark SET mark = random();
        END;

        CREATE TRIGGER instance_tokens_deleted AFTER DELETE ON instance_tokens
        BEGIN
            UPDATE agent_token_mark SET mark = random();
        END;

        CREATE TRIGGER instance_tokens_changed AFTER UPDATE OF hashed_token, agent_id ON instance_tokens
        BEGIN
            UPDATE agent_token_mark SET mark = random();
        END;
        """;
}
