public class Rootless
{
    public class Nested
    {
        public void Run() { }
    }

    public void Run(string text) { }
}
