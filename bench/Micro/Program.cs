using BenchmarkDotNet.Running;
using Micro;

return args switch
{
    ["gates"] => AllocationGates.Check(Path.Combine(AppContext.BaseDirectory, AllocationGates.FileName)),
    ["gates", "--write", var file] => AllocationGates.Write(file),
    ["times", "--write", var file] => TimeBaseline.Write(file),
    _ => BenchmarkSwitcher.FromAssembly(typeof(AllocationGates).Assembly).Run(args)
        .Any(static summary => summary.HasCriticalValidationErrors)
        ? 1
        : 0,
};
