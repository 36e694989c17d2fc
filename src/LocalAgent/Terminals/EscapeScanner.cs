namespace LocalAgent.Terminals;

/// <summary>
/// Parses a terminal's output byte by byte to find where it may be cut: between UTF-8 characters and outside of escape sequences
/// (ECMA-48 §5, §8.3; xterm's control sequences). It is a value: a copy has the state of the original.
/// </summary>
internal struct EscapeScanner
{
    private const byte Escape = 0x1B;
    private const byte Cancel = 0x18;
    private const byte Substitute = 0x1A;
    private const byte Bell = 0x07;

    private State _state;

    private enum State : byte
    {
        Ground,
        Continuation1, // one more byte of a character follows; two and three below
        Continuation2,
        Continuation3,
        AfterEscape,
        Intermediate, // an escape sequence of three bytes or more
        ControlSequence,
        SystemCommand, // a string that BEL or ESC \ ends
        ControlString, // a string that only ESC \ ends
    }

    /// <summary>Whether the output may be cut here.</summary>
    public readonly bool IsBoundary => _state == State.Ground;

    /// <summary>Parses the next byte.</summary>
    public void Step(byte next) => _state = next switch
    {
        Escape => State.AfterEscape, // also aborts a sequence that is not complete
        Cancel or Substitute => State.Ground,
        _ => _state switch
        {
            State.Ground => Begin(next),
            State.Continuation1 or State.Continuation2 or State.Continuation3 => next is >= 0x80 and < 0xC0 ? Shorter(_state) : Begin(next),
            State.AfterEscape => next switch
            {
                (byte)'[' => State.ControlSequence,
                (byte)']' => State.SystemCommand,
                (byte)'P' or (byte)'X' or (byte)'^' or (byte)'_' => State.ControlString,
                (byte)'N' or (byte)'O' => State.Intermediate, // SS2 and SS3: one character follows
                >= 0x20 and < 0x30 => State.Intermediate,
                < 0x20 => State.AfterEscape, // a control character within a sequence is executed
                _ => State.Ground,
            },
            State.Intermediate => next is < 0x30 ? State.Intermediate : State.Ground,
            State.ControlSequence => next is >= 0x40 and < 0x7F ? State.Ground : State.ControlSequence,
            State.SystemCommand => next == Bell ? State.Ground : State.SystemCommand,
            _ => State.ControlString,
        },
    };

    private static State Shorter(State state) => state == State.Continuation1 ? State.Ground : state - 1;

    private static State Begin(byte next) => next switch
    {
        >= 0xC2 and < 0xE0 => State.Continuation1,
        >= 0xE0 and < 0xF0 => State.Continuation2,
        >= 0xF0 and < 0xF5 => State.Continuation3,
        _ => State.Ground,
    };
}
