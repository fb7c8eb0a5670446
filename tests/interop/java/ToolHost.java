import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.InputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs main methods one after the other in this JVM, because a JVM's start costs more than what most of Kafka's tools do.
 *
 * A request on standard input: int32 count, then that many strings (int32 length, UTF-8): the class, its arguments; then one
 * string for the tool's standard input. The answer on standard output: int32 exit status, its output, its error output.
 */
public final class ToolHost {
    /** Thrown by a tool's call of exit. */
    private static final class ExitCalled extends Error {
        private ExitCalled(int status) {
            super("exit " + status, null, false, false);
        }
    }

    private static Integer firstStatus;

    private static String readString(DataInputStream in) throws Exception {
        byte[] bytes = new byte[in.readInt()];
        in.readFully(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static void writeBytes(DataOutputStream out, byte[] bytes) throws Exception {
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    private static void exit(int status) {
        if (firstStatus == null) {
            firstStatus = status; // A tool that catches our error and exits again meant the first one.
        }
        throw new ExitCalled(status);
    }

    private static int run(String className, String[] arguments) {
        firstStatus = null;
        try {
            Class.forName(className).getMethod("main", String[].class).invoke(null, (Object) arguments);
        } catch (InvocationTargetException e) {
            if (!(e.getCause() instanceof ExitCalled)) {
                e.getCause().printStackTrace();
                return 1;
            }
        } catch (ReflectiveOperationException e) {
            e.printStackTrace();
            return 1;
        }
        return firstStatus == null ? 0 : firstStatus;
    }

    public static void main(String[] unused) throws Exception {
        Exit.setExitProcedure((status, message) -> exit(status));
        Exit.setHaltProcedure((status, message) -> exit(status));
        Exit.setShutdownHookAdder((name, hook) -> { });
        DataInputStream requests = new DataInputStream(System.in);
        DataOutputStream answers = new DataOutputStream(System.out);
        PrintStream realErr = System.err;
        while (true) {
            int count;
            try {
                count = requests.readInt();
            } catch (EOFException e) {
                Runtime.getRuntime().halt(0);
                return;
            }
            String className = readString(requests);
            String[] arguments = new String[count - 1];
            for (int i = 0; i < arguments.length; ++i) {
                arguments[i] = readString(requests);
            }
            InputStream input = new ByteArrayInputStream(readString(requests).getBytes(StandardCharsets.UTF_8));
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            ByteArrayOutputStream err = new ByteArrayOutputStream();
            System.setIn(input);
            System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
            System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
            int status = run(className, arguments);
            System.out.flush();
            System.setErr(realErr);
            answers.writeInt(status);
            writeBytes(answers, out.toByteArray());
            writeBytes(answers, err.toByteArray());
            answers.flush();
        }
    }
}
