namespace Edge.AgentCommands;

/// <summary>
/// A command on an agent has failed. The message is one line for the user and contains no secrets. Some texts come from agents, so control
/// characters are removed: they could change the terminal.
/// </summary>
/// <param name="message">What was wrong.</param>
/// <param name="innerException">The cause, if there is one.</param>
internal sealed class AgentCommandException(string message, Exception? innerException = null)
    : Exception(string.Concat(message.Select(static letter => char.IsControl(letter) ? ' ' : letter)), innerException);
