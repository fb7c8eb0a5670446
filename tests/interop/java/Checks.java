import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.function.BooleanSupplier;

/** Named checks, run one after the other; each prints a line `check NAME ok` or `check NAME failed: REASON`. */
final class Checks {
    interface Check {
        void run() throws Exception;
    }

    private final Map<String, Check> checks = new LinkedHashMap<>();

    void add(String name, Check check) {
        checks.put(name, check);
    }

    void runAll() {
        for (Map.Entry<String, Check> entry : checks.entrySet()) {
            try {
                entry.getValue().run();
                System.out.println("check " + entry.getKey() + " ok");
            } catch (Exception | AssertionError e) {
                System.out.println("check " + entry.getKey() + " failed: " + e.toString().replace('\n', ' '));
                e.printStackTrace();
            }
        }
    }

    static void equal(Object expected, Object seen, String what) {
        if (!Objects.equals(expected, seen)) {
            throw new AssertionError(what + ": expected " + expected + ", saw " + seen);
        }
    }

    static void isTrue(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }

    /** Calls step until the condition holds; the limit is there for a broker that hangs. */
    static void until(String what, Runnable step, BooleanSupplier condition) {
        long end = System.nanoTime() + 60_000_000_000L;
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("never happened: " + what);
            }
            step.run();
        }
    }

    /** What the action gives must become the expected value: Kafka answers a change before every reader sees it. */
    static void becomes(Object expected, Callable<?> action, String what) throws Exception {
        long end = System.nanoTime() + 60_000_000_000L;
        while (true) {
            Object seen;
            try {
                seen = action.call();
            } catch (ExecutionException e) {
                seen = e.getCause();
            }
            if (Objects.equals(expected, seen) || System.nanoTime() > end) {
                equal(expected, seen, what);
                return;
            }
        }
    }

    /** The action must fail with an exception of this class, itself or as the cause of an ExecutionException. */
    static void fails(Class<? extends Exception> expected, Callable<?> action) {
        try {
            action.call();
        } catch (Exception e) {
            Throwable cause = e instanceof ExecutionException ? e.getCause() : e;
            isTrue(expected.isInstance(cause), "expected " + expected.getSimpleName() + ", saw " + cause);
            return;
        }
        throw new AssertionError("expected " + expected.getSimpleName() + ", saw no error");
    }
}
