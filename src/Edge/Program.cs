using Edge.Program;
using Sockets;

// Before the first socket: the runtime reads it then.
SocketThreads.Configure();
return await EdgeProgram.RunAsync(args, Console.Out, Console.Error);
