using Edge.Hosting;

return await EdgeProgram.RunAsync(args, Console.Out, Console.Error);
