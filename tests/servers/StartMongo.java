import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.ServerVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import java.util.List;

/** mongo-java-server on a port of our choice: {@code java -cp 'lib/*' StartMongo.java PORT}. */
public class StartMongo {
    /** It speaks OP_MSG but calls itself 4.2 on the wire, which present drivers refuse by that number alone. */
    static final class OnTheWire implements MongoVersion {
        @Override
        public List<Integer> getVersionArray() {
            return ServerVersion.MONGO_5_0.getVersionArray();
        }

        @Override
        public int getWireVersion() {
            return 13;
        }
    }

    public static void main(String[] arguments) {
        MongoServer server = new MongoServer(new MemoryBackend().version(new OnTheWire()));
        server.bind("127.0.0.1", Integer.parseInt(arguments[0]));
    }
}
