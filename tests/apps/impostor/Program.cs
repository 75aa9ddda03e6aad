// A .NET program that listens where rejig's agent would, and answers as it is told:
//   Impostor MODE    version (of another major number), garbage, silent, close, flood, huge
using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

string start = File.ReadAllText("/proc/self/stat").Split(") ")[^1].Split(' ')[19];
string path = Path.Combine(Path.GetTempPath(), $"rejig-{Environment.ProcessId}-{start}-socket");
using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
listener.Bind(new UnixDomainSocketEndPoint(path));
listener.Listen(8);
new Thread(() => Serve(listener, args[0])) { IsBackground = true }.Start();
Console.WriteLine($"ready {Environment.ProcessId}");
Console.ReadLine();
File.Delete(path);
return 7;

static void Serve(Socket listener, string mode)
{
    while (true)
    {
        Socket client = listener.Accept();
        new Thread(() => Answer(client, mode)) { IsBackground = true }.Start();
    }
}

static void Answer(Socket client, string mode)
{
    var asked = new byte[4096];
    try
    {
        client.Receive(asked);
        switch (mode)
        {
            case "version":
                client.Send(Frame(1, Field(1, Number(2)), Field(2, Number(0)), Field(3, Encoding.UTF8.GetBytes("7.1.0"))));
                Thread.Sleep(500);
                break;
            case "garbage":
                client.Send(Encoding.UTF8.GetBytes("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"));
                break;
            case "huge":
                client.Send(BitConverter.GetBytes(0x474a5257u).Concat(BitConverter.GetBytes(1u)).Concat(BitConverter.GetBytes(uint.MaxValue)).ToArray());
                Thread.Sleep(500);
                break;
            case "flood":
                byte[] notice = Frame(69, Field(1, new byte[60000]));
                for (int i = 0; i < 20000; i++)
                {
                    client.Send(notice);
                }

                break;
            case "silent":
                Thread.Sleep(Timeout.Infinite);
                break;
        }
    }
    catch (SocketException)
    {
    }

    client.Close();
}

static byte[] Number(uint value) => BitConverter.GetBytes(value);

static byte[] Field(ushort tag, byte[] bytes)
{
    var field = new byte[8 + bytes.Length];
    BinaryPrimitives.WriteUInt16LittleEndian(field, tag);
    BinaryPrimitives.WriteInt32LittleEndian(field.AsSpan(4), bytes.Length);
    bytes.CopyTo(field, 8);
    return field;
}

static byte[] Frame(ushort type, params byte[][] fields)
{
    byte[] payload = fields.SelectMany(field => field).ToArray();
    var frame = new byte[12 + payload.Length];
    BinaryPrimitives.WriteUInt32LittleEndian(frame, 0x474a5257);
    BinaryPrimitives.WriteUInt16LittleEndian(frame.AsSpan(4), type);
    BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(8), payload.Length);
    payload.CopyTo(frame, 12);
    return frame;
}
